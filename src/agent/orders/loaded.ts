// The code that changes this machine, loaded when the server first wants it: the actions of a workflow, the remote shell.
import type { ActionServices, WorkflowActions } from '../../actions/actions.ts';
import type { Log } from '../../core/log.ts';
import type { Root } from '../../sources/root.ts';
import { splitZone } from '../../transport/address.ts';
import type { ConnectionOptions } from '../../transport/connections.ts';
import type { AgentOptions } from '../agent.ts';
import { isNetbootImage } from './host.ts';
import { RemoteShell } from './remote-shell.ts';

export interface HostServices {
  readonly root: Root;
  readonly log: Log;
  readonly options: AgentOptions;
  readonly connection: Pick<ConnectionOptions, 'clock' | 'proxy' | 'trust'> & {
    readonly userAgent: string;
  };
}

export async function loadActions(
  services: HostServices,
  workflow: Pick<ActionServices, 'planned' | 'bootId' | 'disks'>,
): Promise<WorkflowActions> {
  const [{ workflowActions }, way] = await Promise.all([
    import('../../actions/actions.ts'),
    wayToServers(services),
  ]);
  return workflowActions({ ...way, ...workflow, root: services.root });
}

/** The remote shell, which is opened in the netboot image alone, by an agent that may act. */
export function remoteShell(services: HostServices): RemoteShell {
  const { root, log, options } = services;
  const load = async () => {
    const [tools, way] = await Promise.all([
      import('../../actions/tools/remote-shell.ts'),
      wayToServers(services),
    ]);
    const note = (line: string): void => log.info({ line }, 'remote shell');
    return { ...tools, place: { ...way, root, note, signal: options.signal } };
  };
  return new RemoteShell({
    root,
    log,
    refusal: async () => {
      if (!(await isNetbootImage(root))) return 'this is an installed system';
      const mayAct = options.mayAct === true && options.onlyRunners !== true;
      return mayAct ? undefined : 'the agent may not act; start it with --act or dragonfly.mode=';
    },
    open: async (keys) => {
      const { openShell, place } = await load();
      return openShell(keys, place);
    },
    shut: async () => {
      const { shutShell, place } = await load();
      await shutShell(place);
    },
  });
}

/** The servers, and what files are fetched from them with. */
async function wayToServers({
  options,
  connection,
}: HostServices): Promise<Pick<ActionServices, 'servers' | 'clock' | 'random' | 'ask'>> {
  const { download } = await import('../../transport/download.ts');
  const servers = options.servers.map(splitZone);
  const trustedOrigins = servers.map(({ url }) => new URL(url).origin);
  const zones = new Map<string, string[]>();
  for (const { url, zone } of servers) {
    const { origin } = new URL(url);
    if (zone !== undefined) zones.set(origin, [...(zones.get(origin) ?? []), zone]);
  }
  return {
    servers: servers.map(({ url }) => url),
    clock: connection.clock,
    random: options.random ?? Math.random,
    ask: (url, headers, signal) =>
      download(url, headers, signal, { ...connection, trustedOrigins, zones }),
  };
}
