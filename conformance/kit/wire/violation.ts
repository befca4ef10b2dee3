/** Bytes of the endpoint that are not what the protocol allows: the case that met them fails with this text. */
export class WireViolation extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WireViolation';
  }
}
