// Virtual machines for the demonstration and the tests: one QEMU each, its console as text, and its
// monitor for cables that are pulled and devices that come later.
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { architectures, type Arch } from '../arch.ts';

/** The way the processor is run: `kvm` is the host's own, `tcg` emulates it, ten times slower or more. */
export interface Accelerator {
  readonly name: 'kvm' | 'tcg';
  readonly arch: Arch;
  readonly cpu: string;
  /** The reason why it is not KVM. */
  readonly why?: string;
}

/** A processor that QEMU emulates. */
function emulation(arch: Arch): Accelerator {
  return { name: 'tcg', arch, cpu: architectures[arch].qemu.cpu };
}

export interface VmOptions {
  readonly accelerator: Accelerator;
  readonly memoryMiB: number;
  /** Everything else: machine, devices, networks, kernel. */
  readonly args: readonly string[];
  readonly uefi?: boolean;
  /** UEFI with Secure Boot: the file of its variables, which holds the keys that it trusts. */
  readonly secureBoot?: string;
  /** Runs QEMU in this network namespace. */
  readonly namespace?: string;
  readonly onConsole?: (text: string) => void;
}

export class Vm {
  readonly #child: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), 'dragonfly-vm-'));
  readonly #watchers = new Set<() => void>();
  readonly ended: Promise<void>;
  #console = '';
  // Listens before QEMU starts, which then connects.
  readonly #monitor = new Monitor(this.#monitorPath);
  #hasEnded = false;

  constructor(options: VmOptions) {
    const { qemu } = architectures[options.accelerator.arch];
    const command = [
      qemu.program,
      ...['-accel', options.accelerator.name],
      ...['-m', String(options.memoryMiB), '-display', 'none', '-nodefaults'],
      ...['-serial', 'stdio', '-qmp', `unix:${this.#monitorPath}`],
      ...(options.uefi === true ? this.#uefiDrives(qemu) : []),
      ...(options.secureBoot === undefined
        ? []
        : this.#uefiDrives({ code: qemu.secureCode, variables: options.secureBoot })),
      ...options.args,
    ];
    const { cpu } = options.accelerator;
    for (const [option, value] of [
      ['-cpu', cpu],
      ['-machine', qemu.machine],
    ] as const) {
      if (!options.args.includes(option)) command.push(option, value);
    }
    const namespace = options.namespace;
    const [program = '', ...args] =
      namespace === undefined ? command : ['ip', 'netns', 'exec', namespace, ...command];
    // Whatever becomes of this process, the machine does not outlive it.
    const tied = ['--pdeathsig', 'KILL', '--', program, ...args];
    this.#child = spawn('setpriv', tied, { stdio: ['ignore', 'pipe', 'pipe'] });
    const take = (chunk: string): void => {
      this.#console += chunk;
      options.onConsole?.(chunk);
      for (const watcher of this.#watchers) watcher();
    };
    this.#child.stdout?.setEncoding('utf8').on('data', take);
    this.#child.stderr?.setEncoding('utf8').on('data', take);
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#hasEnded = true;
        rmSync(this.#folder, { recursive: true, force: true });
        for (const watcher of this.#watchers) watcher();
        resolve();
      };
      this.#child.once('exit', end);
      this.#child.once('error', (err) => {
        take(`${err.message}\n`);
        end();
      });
    });
  }

  /** All that the machine has printed on its serial console. */
  get console(): string {
    return this.#console;
  }

  /** The last line of it with something in it. */
  get lastLine(): string {
    const lines = this.#tail().split(/[\r\n]+/);
    return lines.findLast((line) => line.trim() !== '')?.trim() ?? '';
  }

  /** Resolves when the console shows `pattern` after its first `from` characters; rejects, with the
   *  console's end, when the machine ends before or the time is over. */
  async waitFor(pattern: RegExp, timeoutMs: number, from = 0): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const fail = (why: string): void => {
      reject(new Error(`${why} before the console showed ${pattern}:\n${this.#tail()}`));
    };
    const look = (): void => {
      const found = pattern.exec(this.#console.slice(from));
      if (found !== null) resolve(found);
      else if (this.#hasEnded) fail('the machine ended');
    };
    const timer = setTimeout(() => {
      fail(`${timeoutMs / 1000} s passed`);
    }, timeoutMs);
    this.#watchers.add(look);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  /** Asks QEMU's monitor for something, as its QMP reference names it. */
  async ask(command: string, args: Record<string, unknown> = {}): Promise<unknown> {
    return this.#monitor.ask(command, args);
  }

  /** Resolves to what QEMU tells of an event of its QMP reference, once that has happened. */
  async event(name: string): Promise<Record<string, unknown>> {
    return this.#monitor.event(name);
  }

  async stop(): Promise<void> {
    if (!this.#hasEnded) this.#child.kill('SIGKILL');
    this.#monitor.close();
    await this.ended;
  }

  get #monitorPath(): string {
    return join(this.#folder, 'qmp');
  }

  #tail(): string {
    // Firmware draws on the screen: what it draws with is no text.
    // oxlint-disable-next-line no-control-regex
    return this.#console.replaceAll(/\x1b\[[\d;?]*[A-Za-z]/g, '').slice(-3000);
  }

  #uefiDrives(firmware: { readonly code: string; readonly variables: string }): string[] {
    const variables = join(this.#folder, 'vars.fd');
    copyFileSync(firmware.variables, variables);
    return [
      ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${firmware.code}`],
      ...['-drive', `if=pflash,format=raw,unit=1,file=${variables}`],
    ];
  }
}

/** QEMU's machine protocol: a line of JSON for each question and answer, and events in between. */
class Monitor {
  readonly #server: Server;
  readonly #waiting: PromiseWithResolvers<unknown>[] = [];
  readonly #connected = Promise.withResolvers<Socket>();
  readonly #events = new Map<string, PromiseWithResolvers<Record<string, unknown>>>();

  constructor(path: string) {
    this.#server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('close', () => {
        for (const { reject } of this.#waiting.splice(0)) reject(new Error('the machine ended'));
      });
      const lines = createInterface(socket);
      // A machine that is switched off cuts the line: its questions are answered by 'close'.
      lines.on('error', () => {});
      lines.on('line', (line) => {
        this.#take(JSON.parse(line));
      });
      this.#connected.resolve(socket);
    }).listen(path);
    this.ask('qmp_capabilities', {}).catch(() => {});
  }

  async ask(command: string, args: Record<string, unknown>): Promise<unknown> {
    const socket = await this.#connected.promise;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.push(answer);
    socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    return answer.promise;
  }

  async event(name: string): Promise<Record<string, unknown>> {
    return this.#eventOf(name).promise;
  }

  #eventOf(name: string): PromiseWithResolvers<Record<string, unknown>> {
    const event = this.#events.get(name) ?? Promise.withResolvers();
    this.#events.set(name, event);
    return event;
  }

  #take(answer: unknown): void {
    if (typeof answer !== 'object' || answer === null) return;
    if ('event' in answer) this.#eventOf(String(answer.event)).resolve(Object(answer).data);
    if ('return' in answer) this.#waiting.shift()?.resolve(answer.return);
    if ('error' in answer) this.#waiting.shift()?.reject(new Error(JSON.stringify(answer.error)));
  }

  close(): void {
    this.#server.close();
  }
}

/** KVM where a guest really runs: a /dev/kvm that opens may still hang its guests, so a kernel has to
 *  print its first line within seconds. Otherwise emulation, and why. */
export async function chooseAccelerator(kernel: string, arch: Arch = 'x64'): Promise<Accelerator> {
  if (arch !== process.arch) {
    return { ...emulation(arch), why: `this host is no ${architectures[arch].boot} machine` };
  }
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return { ...emulation(arch), why: 'there is no /dev/kvm that this user may open' };
  }
  const { qemu } = architectures[arch];
  for (const cpu of ['host', qemu.cpu]) {
    const accelerator: Accelerator = { name: 'kvm', arch, cpu };
    const append = `console=${qemu.console} earlyprintk=ttyS0 panic=-1`;
    const args = ['-no-reboot', '-kernel', kernel, '-append', append];
    const vm = new Vm({ accelerator, memoryMiB: 256, args });
    try {
      await vm.waitFor(/Linux version/, 6000);
      return accelerator;
    } catch {
      // The next one, or emulation.
    } finally {
      await vm.stop();
    }
  }
  return { ...emulation(arch), why: '/dev/kvm opens, but a guest prints nothing within 6 s' };
}
