// Real etcd servers on loopback, for tests: one node or a cluster, in a directory that goes away.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';

/** Where etcd is; undefined where it is not installed (Debian: etcd-server). */
export const etcdProgram = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((directory) => join(directory, 'etcd'))
  .find((path) => existsSync(path));

/** A place for a member: its address, and the command that runs a program there. */
export interface Place {
  readonly address: string;
  readonly run: readonly string[];
  /** More flags for this member. */
  readonly flags?: readonly string[];
}

const loopback: Place = { address: '127.0.0.1', run: [] };

interface Member {
  readonly name: string;
  readonly place: Place;
  readonly clientUrl: string;
  readonly peerUrl: string;
}

/** The certificates that its clients connect with now. */
export type ClientTls = () => { ca: string; cert: string; key: string };

export class EtcdCluster {
  readonly #directory = mkdtempSync(join(tmpdir(), 'dragonfly-etcd-'));
  readonly #members: readonly Member[];
  readonly #flags: readonly string[];
  readonly #tls: ClientTls | undefined;
  readonly #processes = new Map<Member, ChildProcess>();

  private constructor(
    members: readonly Member[],
    flags: readonly string[],
    tls: ClientTls | undefined,
  ) {
    this.#members = members;
    this.#flags = flags;
    this.#tls = tls;
  }

  /** Starts a cluster and waits until it serves; with TLS where its clients are to use it. */
  static async start(
    size: 1 | 3,
    flags: readonly string[] = [],
    tls?: ClientTls,
    places: readonly Place[] = [],
  ): Promise<EtcdCluster> {
    const ports = await freePorts(2 * size);
    const scheme = tls === undefined ? 'http' : 'https';
    const members = Array.from({ length: size }, (_, i) => {
      const place = places[i] ?? loopback;
      return {
        name: `n${i}`,
        place,
        clientUrl: `${scheme}://${place.address}:${ports[2 * i] ?? 0}`,
        peerUrl: `http://${place.address}:${ports[2 * i + 1] ?? 0}`,
      };
    });
    const cluster = new EtcdCluster(members, flags, tls);
    for (const member of members) cluster.#startMember(member);
    await cluster.#serves();
    return cluster;
  }

  /** As openStore takes it. */
  get url(): string {
    return `etcd:${this.#members.map((m) => m.clientUrl).join(',')}`;
  }

  /** Deletes everything. */
  async empty(): Promise<void> {
    await this.call('/v3/kv/deleterange', { key: 'AA==', range_end: 'AA==' });
  }

  /** `token`: of a user, where etcd knows users. */
  async call(
    path: string,
    body: object,
    member = this.#members[0],
    token?: string,
    timeoutMs = 60_000,
  ): Promise<unknown> {
    const agent = new Agent({ connect: this.#tls?.() ?? {} });
    try {
      const response = await request(`${member?.clientUrl ?? ''}${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: token === undefined ? {} : { authorization: token },
        signal: AbortSignal.timeout(timeoutMs),
        dispatcher: agent,
      });
      return await response.body.json();
    } catch (error) {
      throw new Error(`${member?.name ?? ''} does not answer ${path}`, { cause: error });
    } finally {
      await agent.destroy();
    }
  }

  /** Stops a member where it is, with its connections open, until the function that it returns is called. */
  hang(member: number): () => void {
    const process = this.#process(member);
    process.kill('SIGSTOP');
    return () => process.kill('SIGCONT');
  }

  /** Kills a member and starts it again, after `between`; without its data where that is to be lost. */
  async restart(member: number, { loses = false, between = () => {} } = {}): Promise<void> {
    const one = this.#members[member];
    if (one === undefined) throw new Error('there is no such member');
    await kill(this.#process(member));
    if (loses) rmSync(join(this.#directory, one.name), { recursive: true });
    between();
    this.#startMember(one);
    await this.#serves();
  }

  /** The member that leads. */
  async leader(): Promise<number> {
    for (let i = 0; i < this.#members.length * 50; i += 1) {
      const member = i % this.#members.length;
      const status = Object(await this.status(member).catch(() => ({})));
      if (status.leader !== undefined && status.leader === status.header?.member_id) return member;
      await sleep(50);
    }
    throw new Error('the cluster has no leader');
  }

  status(member: number): Promise<unknown> {
    // A member may hang.
    return this.call('/v3/maintenance/status', {}, this.#members[member], undefined, 2000);
  }

  /** Loses a member with its data, and puts a new one in its place. */
  async replace(member: number): Promise<void> {
    const one = this.#members[member];
    const other = this.#members[(member + 1) % this.#members.length];
    if (one === undefined) throw new Error('there is no such member');
    await kill(this.#process(member));
    rmSync(join(this.#directory, one.name), { recursive: true });
    // A change of the members that is handed on to a leader that is no more is lost, and never answered.
    await this.leader();
    const { members } = Object(await this.call('/v3/cluster/member/list', {}, other));
    const lost = Object([...members].find(({ name }) => name === one.name));
    await this.call('/v3/cluster/member/remove', { ID: lost.ID }, other);
    // The cluster takes no change of its members before this one has gone through.
    for (let attempt = 0; attempt < 50; attempt += 1) {
      const added = await this.call('/v3/cluster/member/add', { peerURLs: [one.peerUrl] }, other);
      if (!('error' in Object(added))) break;
      await sleep(200);
    }
    this.#startMember(one, ['--initial-cluster-state=existing']);
    await this.#serves();
  }

  /** Ends all members as a power failure does, keeps a copy of their data, and starts them again. Returns what puts it
   *  back, as an etcd is restored from a backup: revisions go back. */
  async backUp(): Promise<() => Promise<void>> {
    await this.#exchange((own, copy) => cpSync(own, copy, { recursive: true }));
    return () =>
      this.#exchange((own, copy) => {
        rmSync(own, { recursive: true });
        cpSync(copy, own, { recursive: true });
      });
  }

  async #exchange(between: (own: string, copy: string) => void): Promise<void> {
    await Promise.all([...this.#processes.values()].map((process) => kill(process)));
    for (const { name } of this.#members)
      between(join(this.#directory, name), join(this.#directory, 'copies', name));
    for (const member of this.#members) this.#startMember(member);
    await this.#serves();
  }

  /** Asks one member. */
  ask(member: number, path: string, body: object): Promise<unknown> {
    return this.call(path, body, this.#members[member]);
  }

  #process(member: number): ChildProcess {
    const one = this.#members[member];
    const process = one && this.#processes.get(one);
    if (process === undefined) throw new Error('there is no such member');
    return process;
  }

  /** Kills the member that leads, as a power failure does, and starts it again when told to. */
  async killLeader(): Promise<() => void> {
    const leader = await this.leader();
    const member = this.#members[leader];
    await kill(this.#process(leader));
    return () => {
      if (member !== undefined) this.#startMember(member);
    };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((process) => kill(process)));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #startMember(member: Member, more: readonly string[] = []): void {
    const { name, clientUrl, peerUrl, place } = member;
    const flags = {
      name,
      'data-dir': join(this.#directory, name),
      'listen-client-urls': clientUrl,
      'advertise-client-urls': clientUrl,
      'listen-peer-urls': peerUrl,
      'initial-advertise-peer-urls': peerUrl,
      'initial-cluster': this.#members.map((m) => `${m.name}=${m.peerUrl}`).join(','),
      logger: 'zap',
      'log-level': 'fatal',
    };
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    const flagged = [...args, ...this.#flags, ...(place.flags ?? []), ...more];
    const [program = '', ...rest] = [...place.run, etcdProgram ?? 'etcd', ...flagged];
    const process = spawn(program, rest, { stdio: 'ignore' });
    this.#processes.set(member, process);
  }

  async #serves(): Promise<void> {
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const answers = await Promise.allSettled(
        this.#members.map((m) => this.call('/v3/kv/range', { key: 'AA==' }, m, undefined, 2000)),
      );
      // Without a user an etcd that knows users refuses, which is an answer.
      const isAnswer = (value: unknown): boolean =>
        !('error' in Object(value)) ||
        /user name is empty|permission denied/.test(String(Object(value).message));
      if (answers.every((a) => a.status === 'fulfilled' && isAnswer(a.value))) return;
      await sleep(100);
    }
    throw new Error('etcd did not start');
  }
}

async function kill(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const ended = once(process, 'exit');
  // Also one that hangs.
  process.kill('SIGKILL');
  await ended;
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
