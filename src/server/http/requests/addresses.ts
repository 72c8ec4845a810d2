// The addresses of this server, as those who ask reach it: configured, or as their requests name them.
import type { Server, Socket } from 'node:net';
import type { ServerSeen } from '../../rules/fill/variables.ts';
import { bootOrigin, isBootConnection, mainOrigin, type Way } from '../boot/boot-listener.ts';
import { caOf, certificateOf, pinOf } from '../connections.ts';

interface Configured {
  readonly publicUrl: string | undefined;
}

/** The parts of a request that tell how its sender reaches this server. */
interface Sent {
  readonly protocol: string;
  readonly host: string;
  readonly hostname: string;
  readonly raw: { readonly socket: Socket };
  readonly server: { readonly server: Server };
}

/** This server as the templates of machines name it. */
export function serverSeen(s: Configured, request: Sent): ServerSeen {
  const url = serverUrl(s, request);
  const { server } = request.server;
  const way =
    s.publicUrl === undefined ? wayOf(request) : { hostname: hostOf(url), end: undefined };
  // An installed system need not trust the CA, and its report is worth nothing to anybody else.
  return { url, reportUrl: bootOrigin(server, way) ?? url, ca: caOf(server) };
}

/** This server as a machine that boots reaches it. */
export interface SeenByBoot {
  /** For kernel and initramfs. */
  readonly filesUrl: string;
  /** For the agent. */
  readonly agentUrl: string;
  /** The CA that the agent is to trust; left out where it needs no telling. */
  readonly caSha256: string | undefined;
}

/** Files come from wherever the script came from. The agent is sent away from the listener for boot files. */
export function seenByBoot(s: Configured, request: Sent): SeenByBoot {
  const { server } = request.server;
  if (!isBootConnection(request.raw.socket)) {
    const url = serverUrl(s, request);
    return { filesUrl: url, agentUrl: url, caSha256: undefined };
  }
  const agentUrl = elsewhere(s, request);
  return {
    filesUrl: `http://${request.host}`,
    agentUrl,
    caSha256: /^https:/i.test(agentUrl) ? pinOf(server) : undefined,
  };
}

/** The server's own address, for a request to its listener for boot files. */
export function elsewhere({ publicUrl }: Configured, request: Sent): string {
  const { server } = request.server;
  const scheme = certificateOf(server) === undefined ? 'http' : 'https';
  return publicUrl ?? mainOrigin(server, scheme, wayOf(request));
}

function wayOf({ hostname, raw }: Sent): Way {
  return { hostname, end: raw.socket.localAddress };
}

/** This server as machines reach it: configured, or as the request names it. */
function serverUrl({ publicUrl }: Configured, request: Sent): string {
  return publicUrl ?? `${request.protocol}://${request.host}`;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : 'localhost';
}
