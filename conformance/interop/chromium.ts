/**
 * A headless Chromium driven over its DevTools pipe (file descriptors 3 and 4, messages that end with a zero byte): enough to open a
 * page, ask it questions, press keys and take pictures. Nothing listens on a port.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { onPath } from '../process.js';

/** The browser of this machine, or undefined. */
export function findChromium(): string | undefined {
  return process.env['CHROMIUM'] ?? ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].map(onPath).find((path) => path !== undefined);
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** How a page is seen. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  readonly mobile?: boolean;
}

export class Chromium {
  /** What the page complained about: console errors and warnings, exceptions, policy violations, requests that left it. */
  readonly complaints: string[] = [];
  private readonly child: ChildProcess;
  private readonly profile: string;
  private readonly waiting = new Map<number, { resolve: (result: Readonly<Record<string, unknown>>) => void; reject: (error: Error) => void }>();
  private readonly loads = new Set<() => void>();
  private nextId = 1;
  private session: string | undefined;
  private pending = Buffer.alloc(0);

  private constructor(path: string) {
    this.profile = mkdtempSync(join(tmpdir(), 'chromium-'));
    this.child = spawn(path, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--hide-scrollbars', `--user-data-dir=${this.profile}`, '--remote-debugging-pipe', 'about:blank'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    (this.child.stdio[4] as Readable).on('data', (chunk: Buffer) => this.read(chunk));
    this.child.on('exit', (code) => this.fail(`Chromium ended (${code ?? 'signal'})`));
    this.child.on('error', (error) => this.fail(error.message));
    this.child.stdio[3]?.on('error', () => undefined);
  }

  /** Starts it with a page of its own. */
  static async start(path: string): Promise<Chromium> {
    const browser = new Chromium(path);
    const { targetId } = await browser.call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.call('Target.attachToTarget', { targetId, flatten: true });
    browser.session = String(sessionId);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.call(`${domain}.enable`);
    return browser;
  }

  /** Opens an address and waits until it is loaded. */
  async open(url: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => this.loads.add(resolve));
    await this.call('Page.navigate', { url });
    await loaded;
  }

  async view({ width, height, dark = false, mobile = false }: View): Promise<void> {
    await this.call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: mobile ? 2 : 1, mobile });
    await this.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
  }

  /** The value of an expression in the page, promises awaited. Fails with what the page threw. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value?: unknown }).value;
  }

  /** Presses and releases a key, such as `Tab`, `Enter`, `/` or `ArrowDown`. */
  async press(key: string): Promise<void> {
    const codes: Readonly<Record<string, number>> = { Tab: 9, Enter: 13, Escape: 27, ArrowUp: 38, ArrowDown: 40, '/': 191 };
    const text = key === 'Enter' ? '\r' : key.length === 1 ? key : undefined;
    await this.call('Input.dispatchKeyEvent', { type: 'keyDown', key, windowsVirtualKeyCode: codes[key] ?? key.toUpperCase().charCodeAt(0), ...(text === undefined ? {} : { text }) });
    await this.call('Input.dispatchKeyEvent', { type: 'keyUp', key, windowsVirtualKeyCode: codes[key] ?? key.toUpperCase().charCodeAt(0) });
  }

  /** Writes a PNG of what is in view. */
  async screenshot(file: string): Promise<void> {
    const { data } = await this.call('Page.captureScreenshot', { format: 'png' });
    writeFileSync(file, Buffer.from(String(data), 'base64'));
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = new Promise((resolve) => this.child.once('exit', resolve));
      const timer = setTimeout(() => this.child.kill('SIGKILL'), 3000);
      await Promise.race([this.call('Browser.close').catch(() => undefined), exited]);
      await exited;
      clearTimeout(timer);
    }
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  private call(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = this.nextId++;
    const session = this.session === undefined || method.startsWith('Browser.') ? {} : { sessionId: this.session };
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      (this.child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    });
  }

  private read(chunk: Buffer): void {
    this.pending = Buffer.concat([this.pending, chunk]);
    for (let end = this.pending.indexOf(0); end !== -1; end = this.pending.indexOf(0)) {
      const message = JSON.parse(this.pending.toString('utf8', 0, end)) as Message;
      this.pending = this.pending.subarray(end + 1);
      this.take(message);
    }
  }

  private take({ id, method, params, result, error }: Message): void {
    if (id !== undefined) {
      const caller = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) caller?.resolve(result ?? {});
      else caller?.reject(new Error(error.message));
    } else if (method === 'Page.loadEventFired') {
      for (const loaded of this.loads) loaded();
      this.loads.clear();
    } else if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded') this.complaints.push(JSON.stringify(params));
    else if (method === 'Runtime.consoleAPICalled' && params?.['type'] !== 'log') this.complaints.push(JSON.stringify(params));
    else if (method === 'Network.requestWillBeSent') {
      const { url } = params?.['request'] as { url: string };
      if (!/^(?:file|about|blob):/.test(url)) this.complaints.push(`request for ${url.slice(0, 200)}`);
    }
  }

  private fail(why: string): void {
    for (const { reject } of this.waiting.values()) reject(new Error(why));
    this.waiting.clear();
  }
}
