// Findings about identity, by which the machine is recognised again: rights, DMI, UUID, machine-id.
import type { IdentityExplanation } from '../identity/identify.ts';
import type { Facts } from '../model/inventory.ts';
import type { Problem } from '../model/problem.ts';
import type { Reading } from '../probes/reading.ts';
import { fail, pass, warn, type Finding } from './finding.ts';

/** Source: /proc/self/status, "Uid:". In a capture it is that of whoever made it. */
export async function rightsFinding(read: Reading): Promise<Finding[]> {
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec((await read.text('/proc/self/status')) ?? '')?.[1];
  if (uid === undefined) return [];
  if (uid === '0') return [pass('root rights', 'it runs as root')];
  const next = 'run it as root: only root can read serial numbers and the UUID';
  return [fail('root rights', `it runs as user ${uid}`, next)];
}

export function dmiFinding(facts: Partial<Facts>, problems: readonly Problem[]): Finding {
  const denied = problems.find((p) => p.section === 'dmi' && p.code === 'read.denied');
  if (denied) {
    return fail('DMI', denied.message, 'run it as root, or make the file readable to its user');
  }
  const broken = problems.find((p) => p.section === 'dmi');
  const { system_uuid: uuid, system, smbios_version: version } = facts.dmi ?? {};
  const name = [system?.vendor, system?.product].filter(Boolean).join(' ');
  if (name === '' && !uuid && !version) {
    const why = broken ? `: ${broken.message}` : '';
    return warn(
      'DMI',
      `the firmware says nothing about this machine${why}`,
      'only its MACs and machine-id identify the machine; keep its NICs in it',
    );
  }
  const spec = version ? `, SMBIOS ${version}` : '';
  return broken
    ? warn('DMI', broken.message, 'update the firmware if values are missing from `inventory`')
    : pass('DMI', `${name || 'readable, without a name'}${spec}`);
}

export function uuidFinding({ sources }: IdentityExplanation): Finding {
  const uuid = sources.find((source) => source.kind === 'smbios_uuid');
  if (uuid?.used !== true) {
    const value = uuid?.value
      ? `${uuid.value}: ${uuid.why ?? 'not used'}`
      : 'the firmware has none';
    return warn(
      'UUID',
      value,
      "set it with the board vendor's tool; until then the MACs identify it",
    );
  }
  return uuid.why === null
    ? pass('UUID', uuid.value ?? '')
    : warn(
        'UUID',
        `${uuid.value ?? ''} is ${uuid.why}`,
        'it counts, but a new NIC changes both MAC and UUID',
      );
}

/** A machine that has no address of its own is known by other evidence alone. */
export function addressFinding({ sources }: IdentityExplanation, facts: Partial<Facts>): Finding[] {
  const ports = facts.network?.interfaces ?? [];
  const port = ports.find(({ mac_origin }) => mac_origin !== undefined);
  const hasOwn = sources.some((source) => source.kind === 'mac' && source.used);
  if (port === undefined || hasOwn) return [];
  const why =
    port.mac_origin === 'random' ? 'made up by the kernel at this boot' : 'set by somebody';
  const message = `the machine has no address of its own: ${port.mac} of ${port.name} was ${why}`;
  const others = sources.filter((source) => source.used).map((source) => source.kind);
  return [
    others.length > 0
      ? warn(
          'MAC',
          `${message}; it is known by its ${others.map((kind) => kindNames[kind] ?? kind).join(' and ')}`,
          "keep those; an address in the port's own memory (firmware setup, vendor's tool) identifies it better",
        )
      : fail(
          'MAC',
          `${message}, and nothing else identifies it`,
          "give the port an address in its own memory: firmware setup, device tree, or the vendor's tool",
        ),
  ];
}

const kindNames: Readonly<Record<string, string>> = {
  smbios_uuid: 'UUID',
  machine_id: 'machine-id',
};

export function machineIdFinding({ sources }: IdentityExplanation, facts: Partial<Facts>): Finding {
  const id = sources.find((source) => source.kind === 'machine_id');
  if (id?.used === true) return pass('machine-id', id.value ?? '');
  if (facts.machineId?.netboot_image) {
    return pass('machine-id', 'this is a netboot image; its own id does not count, as intended');
  }
  const state = id?.value ? `${id.value}: ${id.why ?? ''}` : 'not found';
  return warn('machine-id', state, 'make one: systemd-machine-id-setup');
}
