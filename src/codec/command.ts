/**
 * The header of a remoting frame as a value (`RemotingCommand`), whatever its serialization on the wire.
 */

/** How a header is serialized: JSON text (type byte 0) or the binary ROCKETMQ form (type byte 1). */
export type SerializeType = 'JSON' | 'ROCKETMQ';

/** `flag` bits (`RemotingCommand#RPC_TYPE`, `#RPC_ONEWAY`). */
export const commandFlag = { response: 1, oneway: 2 } as const;

/** `MQVersion.Version.V5_5_0.ordinal()`: what Apache 5.5.0 writes and what our answers carry. */
export const currentVersion = 513;

/** One request or response: header members and the body. */
export interface Command {
  readonly code: number;
  /** LanguageCode name, e.g. JAVA, GO; unknown names are kept as sent. */
  readonly language: string;
  /** Ordinal of MQVersion. */
  readonly version: number;
  readonly opaque: number;
  readonly flag: number;
  readonly remark: string | undefined;
  /** extFields; empty when absent. A value that was a JSON number or boolean is kept as its text. */
  readonly ext: ReadonlyMap<string, string>;
  readonly serialize: SerializeType;
  /** A view of the frame's bytes (not a copy): copy what outlives the handler. */
  readonly body: Buffer;
}
