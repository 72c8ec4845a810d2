// The probes, each named after the section of the facts that it finds out.
import type { Facts } from '../model/inventory.ts';
import { bmcProbe } from './bmc.ts';
import { bootProbe } from './boot.ts';
import { cpuProbe } from './cpu/cpu.ts';
import { disksProbe } from './disks/disks.ts';
import { dmiProbe } from './dmi.ts';
import { gpusProbe } from './gpus.ts';
import { bootPortProbe } from './kernel-command-line.ts';
import { machineIdProbe, readNetbootImage } from './machine-id.ts';
import { memoryProbe } from './memory.ts';
import { addressesProbe } from './network/addresses.ts';
import { leasesProbe } from './network/leases.ts';
import { networkProbe } from './network/network.ts';
import { resolverProbe } from './network/resolv-conf.ts';
import { routesProbe } from './network/routes.ts';
import type { Probe } from './probe.ts';
import { Reading } from './reading.ts';
import { tpmProbe } from './tpm.ts';
import { virtualizationProbe } from './virtualization/virtualization.ts';

/** A probe of any section. */
export type AnyProbe = { [Name in keyof Facts]: Probe<Name> }[keyof Facts];

/** The hints for the primary MAC. */
const bootHintProbes: readonly AnyProbe[] = [bootPortProbe, routesProbe];

/** The setup of the network. Hosts other than Linux have some of these files too. */
export const networkSetupProbes: readonly AnyProbe[] = [
  ...bootHintProbes,
  addressesProbe,
  resolverProbe,
  leasesProbe,
];

const hardwareProbes: readonly AnyProbe[] = [
  dmiProbe,
  machineIdProbe,
  networkProbe,
  disksProbe,
  cpuProbe,
  memoryProbe,
  virtualizationProbe,
  gpusProbe,
  tpmProbe,
  bmcProbe,
  bootProbe,
];

export interface ProbeOptions {
  /** Look for installed systems and other data on the disks even outside the netboot image. Defaults to
   *  false. */
  readonly probeOs?: boolean;
}

/** The probes of every section. */
export function allProbes(options: ProbeOptions): readonly AnyProbe[] {
  return [...hardwareProbes, ...networkSetupProbes, ...diskProbes(options)];
}

/** The probes whose sections an inventory is made of. */
export function inventoryProbes(options: ProbeOptions): readonly AnyProbe[] {
  return [...hardwareProbes, ...bootHintProbes, ...diskProbes(options)];
}

function diskProbes({ probeOs = false }: ProbeOptions): readonly AnyProbe[] {
  return [
    onDisks('installedOs', probeOs, async () => {
      return (await import('./installed-os/installed-os.ts')).installedOsProbe;
    }),
    onDisks('contents', probeOs, async () => {
      return (await import('./contents/contents.ts')).contentsProbe;
    }),
  ];
}

/** A probe that reads disks runs in the netboot image, where the disks' system counts and the running one does
 *  not, or on request. It is loaded only then. */
function onDisks<Name extends keyof Facts>(
  name: Name,
  isAsked: boolean,
  load: () => Promise<Probe<Name>>,
): Probe<Name> {
  return {
    name,
    isPatient: true,
    async read(root, report, signal) {
      const isMeant = isAsked || (await readNetbootImage(new Reading(root, name, report)));
      return isMeant ? await (await load()).read(root, report, signal) : undefined;
    },
  };
}
