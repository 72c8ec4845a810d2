// The inventory of a host: the probes' facts, and the identity that follows from them, as the
// document that `inventory --json` prints.
import { systemClock } from '../core/clock.ts';
import { AppError, errorMeaning } from '../core/errors.ts';
import { identify, type IdentityExplanation } from '../identity/identify.ts';
import type { Disk } from '../model/hardware/disk.ts';
import type { Facts, Hardware, Inventory } from '../model/inventory.ts';
import type { Problem } from '../model/problem.ts';
import {
  collect,
  defaultProbeTimeoutMs,
  type Collection,
  type CollectOptions,
} from '../probes/collect.ts';
import { inventoryProbes, networkSetupProbes } from '../probes/index.ts';
import { HostRoot, type SourceOptions } from '../sources/host.ts';
import { openRoot } from '../sources/open.ts';
import type { Root } from '../sources/root.ts';

export interface InventoryOptions extends CollectOptions {
  /** The MAC of the port booted from, if a setting names it. */
  readonly bootMac?: string | undefined;
  /** Ask systeminformation instead of the kernel's files, about this host alone. The default on hosts without such
   *  files. */
  readonly portable?: boolean;
}

/** Collects everything that an inventory shows of a host. `root` is "/" for this host, a captured directory, or a Root.
 *  Errors: AppError `config.invalid` for a bad root, or a `portable` inventory of another host. Anything unreadable
 *  becomes a problem. */
export async function collectInventory(
  root: Root | string = '/',
  options: InventoryOptions = {},
): Promise<Inventory> {
  const probes = inventoryProbes(options);
  return (await explainInventory(root, { probes, ...options })).inventory;
}

/** The inventory, with its facts and the reasons for the identity. */
export async function explainInventory(
  root: Root | string = '/',
  options: InventoryOptions = {},
): Promise<{ inventory: Inventory; facts: Partial<Facts>; explanation: IdentityExplanation }> {
  const opened = typeof root === 'string' ? await openRoot(root, deadlines(options)) : root;
  if (options.portable === true && !(opened instanceof HostRoot)) throw notThisHost();
  const isPortable = options.portable ?? (opened instanceof HostRoot && !opened.isLinux);
  const { facts, problems } = isPortable
    ? await collectFromSystem(opened, options)
    : await collect(opened, options);
  const { bootMac } = options;
  if (bootMac !== undefined) facts.bootPort = { value: bootMac, source: 'given' };
  const { identity, explanation } = identify(facts);
  if (identity.primary_mac === null) problems.push(noMac(explanation.primary));
  return { inventory: { identity, hardware: hardwareOf(facts), problems }, facts, explanation };
}

/** The facts from systeminformation, and the setup of the network from those files that exist here too. */
async function collectFromSystem(root: Root, options: InventoryOptions): Promise<Collection> {
  const { timeoutMs = defaultProbeTimeoutMs, clock = systemClock } = options;
  // Loaded on demand, because no Linux host needs the library.
  const { collectPortable } = await import('./portable.ts');
  const [system, setup] = await Promise.all([
    collectPortable({ timeoutMs, clock }),
    collect(root, { ...options, probes: networkSetupProbes }),
  ]);
  return {
    facts: { ...system.facts, ...setup.facts },
    problems: [...system.problems, ...setup.problems],
  };
}

/** Limits under which a probe survives a few hanging reads, so that each costs a field and not the
 *  section. */
export function deadlines(options: InventoryOptions): SourceOptions {
  const { timeoutMs = defaultProbeTimeoutMs, clock } = options;
  return {
    readTimeoutMs: timeoutMs / 5,
    commandTimeoutMs: timeoutMs / 2,
    ...(clock === undefined ? {} : { clock }),
  };
}

function notThisHost(): AppError {
  const message = 'systeminformation can only be asked about this host, not about a captured one';
  return new AppError('config.invalid', `${message}: leave out --root`);
}

function noMac(why: string): Problem {
  const message = `${errorMeaning('identity.no-mac')} (${why})`;
  return { code: 'identity.no-mac', section: 'identity', source: '/sys/class/net', message };
}

/** The facts in the shape of the document. An unknown value is null; an unknown list is absent, because
 *  an empty list means "none", as does `existing_os: null`. */
export function hardwareOf(facts: Partial<Facts>): Hardware {
  const { cpu, memory, network, virtualization, dmi } = facts;
  // Some of the ports still tell which machine this is; as a list they would say that the rest are gone.
  const ports = network?.is_partial ? undefined : network;
  return {
    cpu_model: cpu?.cpu_model ?? null,
    cpu_cores: cpu?.cpu_cores ?? null,
    cpu_threads: cpu?.cpu_threads ?? null,
    cpu_sockets: cpu?.cpu_sockets ?? null,
    cpu_virtualization: cpu?.cpu_virtualization ?? null,
    memory_bytes: memory?.memory_bytes ?? null,
    memory_source: memory?.memory_source ?? null,
    memory_slots: memory?.memory_slots ?? null,
    memory_max_bytes: memory?.memory_max_bytes ?? null,
    memory_error_correction: memory?.memory_error_correction ?? null,
    ...(memory?.dimms && { dimms: [...memory.dimms] }),
    ...(facts.disks && { disks: facts.disks.map((disk) => withContents(disk, facts.contents)) }),
    ...(ports && { network_interfaces: [...ports.interfaces] }),
    ...(ports?.infiniband && { infiniband: [...ports.infiniband] }),
    hostname: network?.hostname ?? null,
    is_virtual: virtualization?.is_virtual ?? null,
    virt_platform: virtualization?.virt_platform ?? null,
    cloud: virtualization?.cloud ?? null,
    container: virtualization?.container ?? null,
    system: dmi?.system ?? null,
    board: dmi?.board ?? null,
    chassis: dmi?.chassis ?? null,
    firmware: dmi?.firmware ?? null,
    ...(facts.gpus && { gpus: [...facts.gpus] }),
    tpm: facts.tpm ?? null,
    bmc: facts.bmc ?? null,
    boot: facts.boot ?? null,
    ...(facts.installedOs && { existing_os: facts.installedOs[0] ?? null }),
  };
}

/** Some paths to a disk answer no read, so contents found over one path count for all. */
function withContents(disk: Disk, contents: Facts['contents'] = []): Disk {
  const found = [disk.device, ...disk.paths]
    .map((device) => contents.find((one) => one.device === device))
    .find((one) => one !== undefined);
  return found === undefined ? disk : { ...disk, contents: [...found.contents] };
}
