// A proxy beside the network's DHCP server: it tells machines what to boot, and never gives an address. Pure.
// Source: Intel's PXE specification 2.1, UEFI 2.10 section 24 (HTTP boot), RFC 4578.
import { clientOf, loadersFor, type Client, type Loader } from './clients.ts';
import { messageTypes, writeReply, type Request } from './packet.ts';

/** The port that a request came to: 67 for everybody's, 4011 for those to this server. */
export type Port = 'dhcp' | 'pxe';

export interface Offers {
  /** This server's address on the network. */
  readonly address: string;
  /** The name of iPXE's first script in TFTP. */
  readonly script: string;
  /** The URL of the boot directory, for loaders. */
  readonly filesUrl: string;
  /** True for a file that the boot directory has. */
  readonly has: (file: string) => boolean;
  /** As the operator chose for the machine. */
  readonly loader: Loader;
}

export interface Answer {
  readonly client: Client;
  /** Undefined where there is no loader for the client: then it gets no reply. */
  readonly file: string | undefined;
  readonly reply: Uint8Array | undefined;
}

/** Options of a reply. */
const option = { vendor: 43, vendorClass: 60, file: 67, uuid: 97 } as const;
/** Vendor option 6, bit 3: load the file that is named, look for no other server. */
const justLoad = Uint8Array.of(6, 1, 8, 255);

/** True for a request that a proxy answers. */
export function isForProxy(request: Request, port: Port): boolean {
  return replyType(request.type, port) !== undefined && clientOf(request) !== undefined;
}

/** The answer to a request; undefined for one that is not for a proxy. */
export function answer(request: Request, port: Port, offers: Offers): Answer | undefined {
  const type = replyType(request.type, port);
  const client = type === undefined ? undefined : clientOf(request);
  if (type === undefined || client === undefined) return undefined;
  const file = fileFor(client, offers);
  if (file === undefined) return { client, file, reply: undefined };
  const uuid = request.options.get(option.uuid);
  const options = new Map<number, Uint8Array | string>([
    [option.vendorClass, client.takes === 'http' ? 'HTTPClient' : 'PXEClient'],
    [option.file, file],
    // The machine knows by it that it is meant. Source: RFC 4578, section 2.3.
    ...(uuid === undefined || uuid.length > 32 ? [] : [[option.uuid, uuid] as const]),
    // UEFI goes by the file alone; some of it takes no reply with this option.
    ...(client.firmware === 'bios' ? [[option.vendor, justLoad] as const] : []),
  ]);
  return {
    client,
    file,
    reply: writeReply(request, { type, server: offers.address, file, options }),
  };
}

/** A proxy offers beside the DHCP server, whose requests are none of its business, and confirms on its own
 *  port. */
function replyType(type: number, port: Port): number | undefined {
  if (port === 'dhcp') return type === messageTypes.discover ? messageTypes.offer : undefined;
  const isAsked = type === messageTypes.request || type === messageTypes.inform;
  return isAsked ? messageTypes.ack : undefined;
}

function fileFor(client: Client, { script, filesUrl, has, loader }: Offers): string | undefined {
  if (client.takes === 'ipxe') return script;
  const file = loadersFor(client, loader).find(has);
  return client.takes === 'http' && file !== undefined ? `${filesUrl}/${file}` : file;
}
