// ProxyDHCP and TFTP on one network: machines learn what to boot from this server, beside whatever DHCP server
// gives them their addresses.
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Loader } from './dhcp/clients.ts';
import { answer, isForProxy, type Offers, type Port } from './dhcp/proxy.ts';
import { readRequest, type Request } from './dhcp/packet.ts';
import { grubConfig } from './grub-script.ts';
import { limitedLog } from './limited-log.ts';
import { serveTftp, type OpenFile } from './tftp/server.ts';
import { broadcastFrom, everybody, isFree, listenUdp, type UdpPlace } from './udp.ts';

/** iPXE's first script, in TFTP. */
const script = 'start.ipxe';
/** The path that is built into Debian's signed GRUB. */
const ownGrubConfig = 'grub/grub.cfg';

export interface NetbootOptions extends Pick<Offers, 'address' | 'filesUrl' | 'has'> {
  /** The text of iPXE's first script. */
  readonly startScript: () => Promise<string>;
  /** The text of GRUB's script for the machine with this MAC; without one, of the script that asks for it. */
  readonly grubScript: (mac: string | undefined) => Promise<string>;
  /** The loader that the operator chose for the machine with this MAC. */
  readonly loaderFor: (mac: string | undefined) => Promise<Loader>;
  /** A file of the boot directory, as ARCH/NAME; undefined for any other name. */
  readonly open: (name: string) => Promise<OpenFile | undefined>;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Other ports than the usual ones, where these take rights. 0: any. */
  readonly ports?: Partial<NetbootPorts>;
}

export interface NetbootPorts {
  readonly dhcp: number;
  /** Where clients listen for replies to everybody. */
  readonly client: number;
  readonly pxe: number;
  readonly tftp: number;
}

const usualPorts: NetbootPorts = { dhcp: 67, client: 68, pxe: 4011, tftp: 69 };
/** Requests that may wait for the store at once; what is over is not answered and asks again. */
const mostAsked = 256;
/** The machines of which it is known what they were told last. */
const mostNoted = 1024;

/** Serves until the signal is aborted, and gives the ports. Errors: AppError `config.invalid` where it cannot
 *  listen. */
export async function serveNetboot(options: NetbootOptions): Promise<Omit<NetbootPorts, 'client'>> {
  const ports = { ...usualPorts, ...options.ports };
  const { address, clock, signal } = options;
  // Anybody on the network can bring lines about.
  const log = limitedLog(options.log, clock);
  const respond = responder({ ...options, log });
  const place = { address, log, signal };
  const sender = await openSender({ ...place, port: ports.dhcp }, ports.client, (bytes, send) => {
    respond('dhcp', bytes, send);
  });
  // A socket at an address of one network does not hear what is sent to everybody.
  await listenUdp({ ...place, address: everybody, port: sender.port }, (bytes) => {
    respond('dhcp', bytes, sender.send);
  });
  const pxe = await listenUdp({ ...place, port: ports.pxe }, (bytes, from) => {
    respond('pxe', bytes, (_request, reply) => {
      pxe.send(reply, from.port, from.address, noteFailure(log, from.address));
    });
  });
  const tftp = await serveTftp({
    ...place,
    port: ports.tftp,
    clock,
    open: (name) => openNamed(name, options),
  });
  return { dhcp: sender.port, pxe: pxe.address().port, tftp: tftp.port };
}

type Send = (request: Request, reply: Uint8Array) => void;

/** Answers each request once it is known which loader the operator chose for the machine. */
function responder(options: NetbootOptions): (port: Port, bytes: Uint8Array, send: Send) => void {
  const { log } = options;
  const note = noteTaker(log);
  let asked = 0;
  const respond = async (port: Port, request: Request, send: Send): Promise<void> => {
    const loader = await options.loaderFor(request.mac);
    const answered = answer(request, port, { ...options, script, loader });
    if (answered === undefined || options.signal.aborted) return;
    note(request, answered);
    if (answered.reply !== undefined) send(request, answered.reply);
  };
  return (port, bytes, send) => {
    const request = readRequest(bytes);
    if (request === undefined || !isForProxy(request, port) || asked >= mostAsked) return;
    asked += 1;
    void respond(port, request, send)
      .catch((err: unknown) => {
        log.warn({ err, mac: request.mac }, 'a machine that asks to boot got no answer');
      })
      .finally(() => (asked -= 1));
  };
}

/** The file of a name in TFTP. GRUB looks for its script in a place of its own, and names all else by the path that
 *  it has in HTTP. */
async function openNamed(
  name: string,
  { startScript, grubScript, open }: NetbootOptions,
): Promise<OpenFile | undefined> {
  const plain = name.replace(/^\/+/, '');
  if (plain === script) return inMemory(await startScript());
  const [path, mac, ...more] = plain.split('?mac=');
  if (path === grubConfig && more.length === 0) return inMemory(await grubScript(mac));
  if (plain === ownGrubConfig) return inMemory(await grubScript(undefined));
  return open(plain.replace(/^boot\//, ''));
}

/** The socket that replies leave by: from port 67, as firmware wants it, and on the network of the address. It also
 *  hears relays, unless another DHCP server on this host has the port, which they and its clients speak to. */
async function openSender(
  place: UdpPlace,
  clientPort: number,
  take: (bytes: Uint8Array, send: Send) => void,
): Promise<{ readonly port: number; readonly send: Send }> {
  const { log } = place;
  if (!(await isFree(place))) {
    const socket = await broadcastFrom(place, clientPort);
    const failed = noteFailure(log, everybody);
    return { port: place.port, send: (_request, reply) => socket.send(reply, failed) };
  }
  const socket = await listenUdp(place, (bytes) => {
    take(bytes, send);
  });
  socket.setBroadcast(true);
  const { port } = socket.address();
  const send = ({ relay }: Request, reply: Uint8Array): void => {
    const [to, toPort] = relay === undefined ? [everybody, clientPort] : [relay, port];
    socket.send(reply, toPort, to, noteFailure(log, to));
  };
  return { port, send };
}

function noteFailure(log: Log, to: string): (err: Error | null) => void {
  return (err) => {
    if (err !== null) log.warn({ err, to }, 'a DHCP reply could not be sent');
  };
}

/** Logs what each machine is told, when that changes. */
function noteTaker(log: Log) {
  const told = new Map<string, string>();
  return (
    { mac = 'no MAC' }: Request,
    { client, file }: { client: { name: string }; file?: string | undefined },
  ) => {
    const text = `${client.name} ${file ?? ''}`;
    if (told.get(mac) === text) return;
    if (told.size >= mostNoted) told.clear();
    told.set(mac, text);
    if (file !== undefined)
      log.info({ mac, firmware: client.name, file }, 'told a machine what to boot');
    else
      log.warn(
        { mac, firmware: client.name },
        'there is no loader for a machine that asks to boot',
      );
  };
}

function inMemory(text: string): OpenFile {
  const bytes = Buffer.from(text);
  return {
    sizeBytes: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
    close: () => Promise.resolve(),
  };
}
