#!/usr/bin/env node
/** Starts the built command on free ports, asks its name server for a route over a raw socket, stops it with SIGTERM: exit 0 when all of that went well. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [command = 'node', ...args] = process.argv[2] ? process.argv.slice(2) : [process.execPath, 'dist/src/server/launch.js'];
const data = mkdtempSync(join(tmpdir(), 'skylark-smoke-'));
const child = spawn(command, [...args, 'start', '--port', '0', '--namesrv-port', '0', '--data', data], { stdio: ['ignore', 'pipe', 'inherit'] });
const exit = new Promise((done) => child.on('exit', (code, signal) => done({ code, signal })));
const deadline = setTimeout(() => {
  console.error('smoke: no end within 60 s');
  child.kill('SIGKILL');
}, 60000);

async function ready() {
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    const line = /^ready namesrv=(\S+):(\d+) broker=\S+(?: \S+)* data=.+ pid=\d+$/m.exec(text);
    if (line) return { host: line[1], port: Number(line[2]) };
  }
  throw new Error(`no ready line, stdout was: ${text}`);
}

function ask(host, port) {
  return new Promise((done, fail) => {
    const header = Buffer.from(JSON.stringify({ code: 105, language: 'JAVA', version: 513, opaque: 7, flag: 0, extFields: { topic: 'NoSuchTopic' } }));
    const frame = Buffer.alloc(8 + header.length);
    frame.writeInt32BE(4 + header.length, 0);
    frame.writeInt32BE(header.length, 4);
    header.copy(frame, 8);
    const socket = connect(port, host, () => socket.write(frame));
    let got = Buffer.alloc(0);
    socket.on('data', (d) => {
      got = Buffer.concat([got, d]);
      if (got.length >= 8 && got.length >= 4 + got.readInt32BE(0)) {
        socket.destroy();
        done(JSON.parse(got.subarray(8, 8 + (got.readInt32BE(4) & 0xffffff)).toString()));
      }
    });
    socket.on('error', fail);
  });
}

let ok = false;
try {
  const { host, port } = await ready();
  const answer = await ask(host, port);
  ok = answer.code === 17 && answer.opaque === 7;
  if (!ok) console.error(`smoke: expected TOPIC_NOT_EXIST (17), got ${JSON.stringify(answer)}`);
} catch (error) {
  console.error(`smoke: ${error.message}`);
}
child.kill('SIGTERM');
const end = await exit;
clearTimeout(deadline);
rmSync(data, { recursive: true, force: true });
if (end.code !== 0) console.error(`smoke: exit code ${end.code}, signal ${end.signal}`);
process.exit(ok && end.code === 0 ? 0 : 1);
