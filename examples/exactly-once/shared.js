/** What both programs use: the name of the topic, a quiet logger, a start that does not wait for ever. */

export const topic = 'OrderPlaced';

/** The SDK writes files otherwise. */
export const logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Starts an SDK client. The process ends when that fails, for whoever keeps it running to start it again. */
export async function startOrExit(client, timeoutMs = 15_000) {
  const late = setTimeout(() => {
    console.error(`the broker did not answer in ${timeoutMs} ms`);
    process.exit(1);
  }, timeoutMs);
  try {
    await client.startup();
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
  clearTimeout(late);
}
