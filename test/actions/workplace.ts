// The workplace of tests of actions: this host's real programs, a disk that is a loop device, and a real
// server that gives files as it is told to, faults included.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ActionContext, Progress } from '../../src/actions/action.ts';
import { systemClock, type Clock } from '../../src/core/clock.ts';
import type { Disk } from '../../src/model/hardware/disk.ts';
import { HostRoot } from '../../src/sources/host.ts';
import type { Root } from '../../src/sources/root.ts';
import { hostOf, type Host } from '../../src/sources/writing/host.ts';
import { download } from '../../src/transport/download.ts';

export const MiB = 1024 * 1024;

export const never = new AbortController().signal;

export function thisHost(): Host {
  return hostOf(new HostRoot(), systemClock);
}

/** The same, where it takes no time to wait for anything but programs. */
export function hastyHost(): Host {
  let waitedMs = 0;
  const clock: Clock = {
    now: () => systemClock.now(),
    elapsedMs: () => waitedMs,
    sleep: async (ms) => void (waitedMs += ms),
  };
  return { ...thisHost(), clock };
}

/** A disk of the inventory. */
export function diskAt(device: string, more: Partial<Disk> = {}): Disk {
  return {
    device,
    size_bytes: 0,
    model: 'Loop',
    serial: 'L00P',
    wwn: null,
    type: null,
    transport: null,
    removable: false,
    read_only: false,
    virtual_media: false,
    paths: [],
    ...more,
  };
}

/** A host that carries out nothing: programs are noted, and print what is said here. */
export function scriptedHost(
  root: Root,
  prints: (command: string, input: string) => string | Error,
  clock: Clock = systemClock,
): Host & { readonly commands: string[] } {
  const commands: string[] = [];
  return {
    ...hostOf(root, clock),
    commands,
    async run(program, args, { input = '' }) {
      const command = [program, ...args].join(' ');
      commands.push(input === '' ? command : `${command} < ${String(input)}`);
      const printed = prints(command, String(input));
      if (printed instanceof Error) throw printed;
      return printed;
    },
  };
}

export interface Workplace extends ActionContext {
  readonly notes: string[];
  readonly progressed: Progress[];
}

/** Asks servers of this test over real connections. */
export const fileAsk: ActionContext['ask'] = (url, headers, signal) =>
  download(url, headers, signal, {
    clock: systemClock,
    trustedOrigins: [],
    userAgent: 'test',
  });

/** The context of an action on this host and one of its disks. */
export function workplace(device: string, more: Partial<ActionContext> = {}): Workplace {
  const notes: string[] = [];
  const progressed: Progress[] = [];
  return {
    host: thisHost(),
    ask: fileAsk,
    // Without a wait before another try.
    random: () => 0,
    signal: never,
    progress: (progress) => progressed.push(progress),
    note: (line) => notes.push(line),
    disk: async () => diskAt(device),
    knownDisk: async () => diskAt(device),
    system: { where: () => ({}), choose: () => {} },
    server: undefined,
    ...more,
    notes,
    progressed,
  };
}

export interface ServedFile {
  body: Buffer;
  etag?: string | undefined;
  /** When it was changed last. */
  date?: string | undefined;
  /** Answers ranges. */
  ranges?: boolean;
  /** Says how long the file is. */
  hasLength?: boolean;
  /** Changes the answer before it is given; true when it has answered itself. */
  before?: (request: IncomingMessage, response: ServerResponse, count: number) => boolean;
  /** Cuts the connection after so many bytes of an answer, as often as there are numbers. */
  cuts?: number[];
}

export interface FileServer extends AsyncDisposable {
  readonly url: string;
  readonly files: Map<string, ServedFile>;
  /** Path and Range of each request. */
  readonly requests: string[];
}

export async function fileServer(files: Record<string, ServedFile>): Promise<FileServer> {
  const served = new Map(Object.entries(files));
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').slice(1);
    const { range } = request.headers;
    requests.push(range === undefined ? path : `${path} ${range}`);
    const file = served.get(path);
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    if (file.before?.(request, response, requests.length) !== true) give(file, request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A server that listens on TCP has an address with a port.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    files: served,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

export function give(file: ServedFile, request: IncomingMessage, response: ServerResponse): void {
  const { body, ranges = true, hasLength = true } = file;
  const etag = 'etag' in file ? file.etag : `"${createHash('md5').update(body).digest('hex')}"`;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const ifRange = request.headers['if-range']?.toString();
  const isSame = [undefined, etag, file.date].includes(ifRange);
  const headers: Record<string, string> = {
    ...(etag === undefined ? {} : { etag }),
    ...(file.date === undefined ? {} : { 'last-modified': file.date }),
  };
  let part = body;
  let status = 200;
  if (ranges && isSame && first !== undefined) {
    const end = last === '' || last === undefined ? body.length : Number(last) + 1;
    part = body.subarray(Number(first), end);
    status = part.length === 0 ? 416 : 206;
    headers['content-range'] =
      part.length === 0
        ? `bytes */${body.length}`
        : `bytes ${first}-${Number(first) + part.length - 1}/${body.length}`;
  }
  if (hasLength) headers['content-length'] = String(part.length);
  response.writeHead(status, headers);
  const cut = file.cuts?.shift();
  if (cut === undefined || cut >= part.length) {
    response.end(part);
    return;
  }
  response.write(part.subarray(0, cut), () => response.socket?.destroy());
}
