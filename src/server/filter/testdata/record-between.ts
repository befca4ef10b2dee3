import { storedRecord } from '../../../store/store-fixture.js';

/** A record with this property string between other bytes, `around` again and again. */
export function recordBetween(properties: Buffer, around: string): { bytes: Buffer; start: number; end: number } {
  const record = storedRecord(0, '', undefined, { properties, propertiesEnd: properties.length });
  const bytes = Buffer.alloc(record.length + 20, around);
  record.copy(bytes, 10);
  return { bytes, start: 10, end: 10 + record.length };
}
