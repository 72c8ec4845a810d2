// A TFTP server that gives out the files it is handed, and nothing else: no file is ever looked for by the name
// that a client sent, none is written, and no client can hold more than its share.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { connectTo, listenUdp } from '../udp.ts';
import {
  errorCode,
  readPacket,
  writeData,
  writeError,
  writeOptions,
  type Packet,
} from './packet.ts';
import { agree, Transfer, type Agreed, type Blocks } from './transfer.ts';

/** A file that is being sent. */
export interface OpenFile {
  readonly sizeBytes: number;
  /** The bytes from `offset` on, at most so many. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface TftpOptions {
  readonly address: string;
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  /** The file of this name, or undefined. Every name comes from the network. */
  readonly open: (name: string) => Promise<OpenFile | undefined>;
  readonly signal: AbortSignal;
}

/** Machines of several racks at once; what is over is not answered and asks again. */
const mostTransfers = 512;
const mostPerAddress = 8;
/** The pauses after which a window is sent again. */
const patienceMs = [1000, 2000, 4000, 8000] as const;
/** A transfer that takes longer is held open by its client. */
const longestMs = 30 * 60_000;

/** Serves until the signal is aborted. Errors: AppError `config.invalid` where it cannot listen. */
export async function serveTftp(options: TftpOptions): Promise<{ readonly port: number }> {
  const running = new Map<string, string>();
  const socket = await listenUdp(options, (bytes, from) => {
    const packet = readPacket(bytes);
    if (packet === undefined || packet.kind === 'ack' || packet.kind === 'error') return;
    const client = `${from.address} ${from.port}`;
    const ofAddress = [...running.values()].filter((address) => address === from.address).length;
    // A request that is sent again while it is answered.
    if (running.has(client)) return;
    if (running.size >= mostTransfers || ofAddress >= mostPerAddress) return;
    running.set(client, from.address);
    void send(packet, from, options)
      .catch((err: unknown) => {
        // The server is being stopped; a client that gives up does not lead here.
        if (options.signal.aborted) return;
        options.log.warn({ err, to: from.address, file: packet.file }, 'a TFTP transfer failed');
      })
      .finally(() => running.delete(client));
  });
  return { port: socket.address().port };
}

/** Answers one request, from a port of its own. */
async function send(
  packet: Extract<Packet, { kind: 'read' | 'write' }>,
  to: RemoteInfo,
  options: TftpOptions,
): Promise<void> {
  const connection = await Connection.open(options.address, to);
  try {
    const refusal = refusalOf(packet);
    const file = refusal === undefined ? await open(packet.file, connection, options) : undefined;
    if (file === undefined) {
      const [code, text] = refusal ?? [errorCode.missing, 'no such file'];
      await connection.send(writeError(code, text));
      return;
    }
    try {
      await transfer(connection, file, agree(packet.options, file.sizeBytes), options);
    } finally {
      await file.close();
    }
  } finally {
    connection.close();
  }
}

/** Opens a file, and tells the client where that fails: it would go on asking for a minute. */
async function open(
  name: string,
  connection: Connection,
  options: TftpOptions,
): Promise<OpenFile | undefined> {
  try {
    return await options.open(name);
  } catch (err) {
    await connection.send(writeError(errorCode.other, 'this server cannot give it now'));
    throw err;
  }
}

function refusalOf({ kind, mode }: { kind: string; mode: string }) {
  if (kind === 'write') return [errorCode.denied, 'this server takes no files'] as const;
  // Firmware asks for netascii at times, and takes a file as it is.
  if (mode === 'octet' || mode === 'netascii') return undefined;
  return [errorCode.illegal, 'the mode must be octet'] as const;
}

async function transfer(
  connection: Connection,
  file: OpenFile,
  agreed: Agreed,
  { clock, signal }: TftpOptions,
): Promise<void> {
  const state = new Transfer(agreed, file.sizeBytes);
  const untilMs = clock.elapsedMs() + longestMs;
  let tries = 0;
  let lateAtMs = 0;
  const sendBlocks = async (blocks: Blocks): Promise<void> => {
    if (blocks === undefined) return;
    const [first, last] = blocks;
    const { blockBytes } = agreed;
    const offset = (first - 1) * blockBytes;
    const length = Math.min(last * blockBytes, file.sizeBytes) - offset;
    const bytes = await file.read(offset, length);
    // A short block would be the end of the file to the client.
    if (bytes.length < length) throw new Error('the file became shorter while it was sent');
    for (let block = first; block <= last; block += 1) {
      const start = (block - first) * blockBytes;
      await connection.send(writeData(block, bytes.subarray(start, start + blockBytes)));
    }
  };
  const sendAndWait = async (blocks: Blocks): Promise<void> => {
    if (state.isOpening) await connection.send(writeOptions(agreed.confirmed));
    else await sendBlocks(blocks);
    lateAtMs = clock.elapsedMs() + (patienceMs[tries] ?? 0);
  };
  for (let isLate = true; !state.isOver && clock.elapsedMs() < untilMs;) {
    if (isLate) await sendAndWait(state.window);
    // Packets that bring nothing new put nothing off: some clients acknowledge the last block over and over.
    const leftMs = lateAtMs - clock.elapsedMs();
    const packet = leftMs > 0 ? await connection.next(clock, leftMs, signal) : undefined;
    isLate = packet === undefined;
    if (isLate && (tries += 1) > patienceMs.length - 1) return;
    if (packet?.kind === 'error') return;
    if (packet?.kind !== 'ack') continue;
    const blocks = state.acknowledge(packet.block);
    if (blocks === undefined) continue;
    tries = 0;
    await sendAndWait(blocks);
  }
}

/** A socket that hears one client. */
class Connection {
  readonly #socket: Socket;
  readonly #waiting: Packet[] = [];
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    // A packet that does not reach the client is sent again.
    socket.on('error', () => {});
    socket.on('message', (bytes) => {
      const packet = readPacket(bytes);
      // More than the answers to one window is a flood.
      if (packet === undefined || this.#waiting.length >= 64) return;
      this.#waiting.push(packet);
      this.#wake?.();
    });
  }

  static async open(address: string, to: RemoteInfo): Promise<Connection> {
    const socket = createSocket('udp4');
    const connection = new Connection(socket);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind({ address, port: 0, exclusive: true }, resolve);
      });
      await connectTo(socket, to.port, to.address);
    } catch (err) {
      socket.close();
      throw err;
    }
    return connection;
  }

  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.send(bytes, () => {
        resolve();
      });
    });
  }

  /** The next packet; undefined when none came in time. Rejects when the signal is aborted. */
  async next(clock: Clock, ms: number, signal: AbortSignal): Promise<Packet | undefined> {
    const over = new AbortController();
    const arrived = new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#waiting.length > 0) resolve();
    });
    const late = clock.sleep(ms, AbortSignal.any([signal, over.signal]));
    try {
      await Promise.race([arrived, late]);
    } finally {
      over.abort();
      late.catch(() => {});
    }
    return this.#waiting.shift();
  }

  close(): void {
    this.#socket.close();
  }
}
