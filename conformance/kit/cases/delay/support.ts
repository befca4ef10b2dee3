/** What the cases about delay levels share. */


export const scheduleTopic = 'SCHEDULE_TOPIC_XXXX';
export const level = (n: number): { readonly DELAY: string } => ({ DELAY: String(n) });
/** Level 1 and a busy machine. */
export const waitMs = 8000;
