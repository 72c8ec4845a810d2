// The inventory by section, each told in full: what `inventory --only` prints. The plain inventory leaves out what
// is costly to read.
import { AppError } from '../core/errors.ts';
import type { DiskDetails, PortDetails } from '../model/details.ts';
import type { Disk } from '../model/hardware/disk.ts';
import type { NetworkInterface } from '../model/hardware/network-interface.ts';
import type { Details, Facts, Hardware, Identity } from '../model/inventory.ts';
import type { Problem } from '../model/problem.ts';
import { collect } from '../probes/collect.ts';
import { detailProbes } from '../probes/details/index.ts';
import { patienceMs } from '../probes/neighbours/hear.ts';
import { neighboursProbe } from '../probes/neighbours/neighbours.ts';
import { withNames } from '../probes/details/names.ts';
import { allProbes, type AnyProbe } from '../probes/index.ts';
import { identify } from '../identity/identify.ts';
import { openRoot } from '../sources/open.ts';
import type { Root } from '../sources/root.ts';
import { deadlines, hardwareOf, type InventoryOptions } from './inventory.ts';

type Field = keyof Hardware | keyof Details;

interface Section {
  /** Read for it. */
  readonly facts: readonly (keyof Facts)[];
  /** Shown of it. */
  readonly fields: readonly Field[];
}

const identity: readonly (keyof Facts)[] = [
  'dmi',
  'machineId',
  'network',
  'bootPort',
  'routes',
  'installedOs',
];

const sections = {
  identity: { facts: identity, fields: [] },
  system: {
    facts: ['dmi', 'boot', 'tpm', 'bmc', 'virtualization'],
    fields: [
      ...(['system', 'board', 'chassis', 'firmware', 'boot', 'tpm', 'bmc'] as const),
      ...(['is_virtual', 'virt_platform', 'cloud', 'container'] as const),
    ],
  },
  cpu: {
    facts: ['cpu', 'processor'],
    fields: [
      ...(['cpu_model', 'cpu_cores', 'cpu_threads', 'cpu_sockets'] as const),
      ...(['cpu_virtualization', 'processor'] as const),
    ],
  },
  memory: {
    facts: ['memory', 'numa'],
    fields: [
      ...(['memory_bytes', 'memory_source', 'memory_slots', 'memory_max_bytes'] as const),
      ...(['memory_error_correction', 'dimms', 'numa'] as const),
    ],
  },
  disks: { facts: ['disks', 'diskDetails'], fields: ['disks'] },
  contents: { facts: ['disks', 'contents', 'installedOs'], fields: ['disks', 'existing_os'] },
  network: {
    facts: ['network', 'portDetails'],
    fields: ['hostname', 'network_interfaces', 'infiniband'],
  },
  neighbours: { facts: ['network', 'neighbours'], fields: ['network_interfaces'] },
  gpus: { facts: ['gpus'], fields: ['gpus'] },
  pci: { facts: ['pciDevices'], fields: ['pci_devices'] },
  usb: { facts: ['usbDevices'], fields: ['usb_devices'] },
  watchdogs: { facts: ['watchdogs'], fields: ['watchdogs'] },
} as const satisfies Readonly<Record<string, Section>>;

export type SectionName = keyof typeof sections;

/** The parts of an inventory that were asked for. */
export interface Excerpt {
  identity?: Identity;
  hardware: Partial<Hardware> & Details;
  problems: Problem[];
}

/** "cpu,memory" → its sections; "all" stands for every one.
 *  Errors: AppError `usage.invalid`. */
export function parseSections(text: string): SectionName[] {
  const names = Object.keys(sections);
  // Neighbours take half a minute to hear.
  const quick = names.filter((name) => name !== 'neighbours');
  const words = text.split(',').map((name) => name.trim());
  const wanted = words.flatMap((word) => (word === 'all' ? quick : word));
  const unknown = wanted.find((name) => !Object.hasOwn(sections, name));
  if (unknown !== undefined) {
    throw new AppError(
      'usage.invalid',
      `there is no section "${unknown}"; there are ${names.join(', ')}, and all but neighbours as "all"`,
    );
  }
  return wanted.filter((name): name is SectionName => Object.hasOwn(sections, name));
}

/** Reads some sections of a host and nothing else. Errors: AppError `config.invalid` for a bad root. */
export async function collectSections(
  root: Root | string,
  names: readonly SectionName[],
  options: InventoryOptions = {},
): Promise<Excerpt> {
  const patient = names.includes('neighbours') ? { ...options, timeoutMs: patienceMs } : options;
  const opened = typeof root === 'string' ? await openRoot(root, deadlines(patient)) : root;
  const chosen: readonly Section[] = names.map((name) => sections[name]);
  const wanted = new Set<string>(chosen.flatMap(({ facts }) => facts));
  const isOnDisks = options.probeOs === true || names.includes('contents');
  const probes: readonly AnyProbe[] = [
    ...allProbes({ probeOs: isOnDisks }),
    ...detailProbes,
    neighboursProbe,
  ];
  const { facts, problems } = await collect(opened, {
    ...patient,
    probes: probes.filter(({ name }) => wanted.has(name)),
  });
  const hardware = { ...hardwareOf(facts), ...(await detailsOf(facts)) };
  const fields = new Set<string>(chosen.flatMap((section) => section.fields));
  const shown = Object.entries(hardware).filter(([field]) => fields.has(field));
  return {
    ...(names.includes('identity') && { identity: identify(facts).identity }),
    // A part of the same object.
    hardware: Object.fromEntries(shown),
    problems,
  };
}

async function detailsOf(facts: Partial<Facts>): Promise<Details> {
  const { processor, numa, pciDevices, usbDevices, watchdogs } = facts;
  const { disks, network_interfaces } = hardwareOf(facts);
  return {
    ...(processor && { processor }),
    ...(numa && { numa }),
    ...(pciDevices && { pci_devices: await withNames(pciDevices, await openRoot()) }),
    ...(usbDevices && { usb_devices: [...usbDevices] }),
    ...(watchdogs && { watchdogs: [...watchdogs] }),
    ...(disks && { disks: disks.map((disk) => withDetails(disk, facts.diskDetails)) }),
    ...(network_interfaces && {
      network_interfaces: network_interfaces.map((port) => withPortDetails(port, facts)),
    }),
  };
}

function withDetails(
  disk: Disk,
  details: readonly DiskDetails[] = [],
): Disk & Partial<DiskDetails> {
  return { ...disk, ...details.find(({ device }) => device === disk.device) };
}

function withPortDetails(
  port: NetworkInterface,
  { portDetails = [], neighbours = [] }: Partial<Facts>,
): NetworkInterface & Partial<PortDetails> {
  const heard = neighbours.find((one) => one.interface === port.name);
  return {
    ...port,
    ...portDetails.find(({ name }) => name === port.name),
    ...(heard && { neighbour: heard.neighbour }),
  };
}
