/** A case about a client: a requirement, and a judgement of what happened in one scenario. */
import { caseProblems, type Level } from '../case.js';
import { req } from '../codes.js';
import { fail } from '../expect.js';
import type { Arrival } from './cluster.js';
import type { Play } from './scenarios.js';
import { decodeBatch, readSend, type BatchPart, type SendRequest } from './topic.js';

export interface ClientCase {
  /** `client.<area>.<behaviour>`, permanent. */
  readonly name: string;
  readonly requirement: string;
  readonly level: Level;
  readonly source: string;
  /** Name of a scenario. */
  readonly scenario: string;
  /** Throws a Failure; a text is what is to be noted of a client that passed. */
  judge(play: Play): string | void;
}

/** Checks the descriptions. @throws Error: a fault of the kit. */
export function defineClientCases(area: string, cases: readonly ClientCase[]): readonly ClientCase[] {
  const problems = cases.flatMap((one) => caseProblems(`client.${area}`, { ...one, run: () => Promise.resolve() }));
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return cases;
}

export const sendCodes = [req.SEND_MESSAGE, req.SEND_MESSAGE_V2, req.SEND_BATCH_MESSAGE];

export interface Send extends Arrival {
  readonly asked: SendRequest;
  readonly parts: readonly BatchPart[] | string;
}

/** The sends to the scenario's topic, in the order they came; at least one. */
export function sends(play: Play): readonly Send[] {
  const out = play.cluster.requests(...sendCodes).map((one) => {
    const asked = readSend(one.command.code, one.command.ext);
    return { ...one, asked, parts: asked.batch ? decodeBatch(one.command.body) : [{ body: one.command.body, flag: 0, properties: asked.properties }] };
  }).filter((one) => one.asked.topic === play.topic);
  if (out.length === 0) fail('sends to the topic', 'at least one', `none${ended(play)}`);
  return out;
}

/** The pulls of the topic; at least one. */
export function pulls(play: Play): readonly Arrival[] {
  const out = play.cluster.requests(req.PULL_MESSAGE).filter(({ command }) => command.ext['topic'] === play.topic);
  if (out.length === 0) fail('pulls of the topic', 'at least one', `none${ended(play)}`);
  return out;
}

/** The keys in a send. */
export const keysOf = (one: Send): readonly string[] => (typeof one.parts === 'string' ? [] : one.parts.map((part) => part.properties['KEYS'] ?? ''));

const ended = (play: Play): string => play.runs.map((run) => run.ended()).filter((why) => why !== undefined).map((why) => `; the client: ${why.slice(0, 300)}`).join('');
