// Cards for a machine's hardware: the whole, its memory modules, disks and network interfaces.
import type { StoredDisk } from '../../model/hardware/disk.ts';
import type { StoredInterface } from '../../model/hardware/network-interface.ts';
import type { MachineView } from '../../model/api/machines.ts';
import {
  formatDisk,
  formatDuration,
  formatMemory,
  formatSpeed,
  plural,
  totalBytes,
} from '../parts/format.ts';
import { Card } from '../parts/parts.tsx';
import { Facts, Table } from './facts.tsx';

export function HardwareCard({ machine }: { machine: MachineView }) {
  const { hardware, report } = machine;
  const { cpu_cores, memory_bytes, is_virtual, virt_platform } = hardware;
  const { system, board, chassis, firmware, boot, gpus = [] } = hardware;
  const os = report?.existing_os;
  return (
    <Card title="Hardware">
      <Facts
        facts={[
          ['Product', words(system?.vendor, system?.product)],
          ['Serial', system?.serial && <code>{system.serial}</code>],
          ['Asset tag', system?.asset_tag],
          ['Board', words(board?.vendor, board?.product, board?.serial)],
          ['Chassis serial', chassis?.serial && <code>{chassis.serial}</code>],
          ['Firmware', words(firmware?.vendor, firmware?.version, firmware?.date)],
          ['Boot mode', bootMode(boot)],
          ['CPU', hardware.cpu_model],
          ['Cores', cpu_cores === null ? null : coresOf(cpu_cores, hardware)],
          ['Memory', memory_bytes === null ? null : formatMemory(memory_bytes)],
          [
            'Kind',
            is_virtual
              ? `virtual machine${virt_platform ? ` (${virt_platform})` : ''}`
              : 'physical',
          ],
          ['GPUs', gpus.map(gpuText).join(', ')],
          ['TPM', tpmText(hardware.tpm)],
          ['Address', report?.ip_address],
          ['Management', words(report?.bmc_address ?? hardware.bmc?.address, hardware.bmc?.mac)],
          ['Installed OS', os && `${os.name} on ${os.device}`],
          ['Reported hostname', report?.hostname],
          ['Agent', report?.agent_version],
          ['SSH', shellText(report?.remote_shell)],
          ...bootFacts(report?.boot_timeline ?? []),
        ]}
      />
    </Card>
  );
}

type Hardware = MachineView['hardware'];

function words(...parts: readonly (string | null | undefined)[]): string {
  return parts.filter(Boolean).join(' ');
}

function bootMode(boot: Hardware['boot']): string | undefined {
  const mode = boot?.firmware_mode?.toUpperCase();
  return mode && boot?.secure_boot === true ? `${mode}, secure boot` : mode;
}

function coresOf(cores: number, { cpu_threads, cpu_sockets }: Hardware): string {
  const sockets =
    typeof cpu_sockets === 'number' && cpu_sockets > 1
      ? ` in ${plural(cpu_sockets, 'socket')}`
      : '';
  const threads = typeof cpu_threads === 'number' ? `, ${plural(cpu_threads, 'thread')}` : '';
  return plural(cores, 'core') + sockets + threads;
}

function gpuText({ name, vram_bytes: bytes }: NonNullable<Hardware['gpus']>[number]): string {
  return bytes === undefined || bytes === null ? name : `${name} ${formatMemory(bytes)}`;
}

function tpmText(tpm: Hardware['tpm']): string | undefined {
  if (tpm === undefined) return undefined;
  return tpm.is_present ? (tpm.version ?? 'present') : 'none';
}

/** The remote shell of the netboot image. */
function shellText(shell: NonNullable<MachineView['report']>['remote_shell']) {
  if (shell === undefined) return undefined;
  return (
    <>
      open on port {shell.port}, host key <code>{shell.fingerprint}</code>
    </>
  );
}

type Timeline = NonNullable<NonNullable<MachineView['report']>['boot_timeline']>;

/** An agent that starts this long after the step before it is not part of the boot: somebody started it. */
const lateMs = 60_000;

/** The steps of the last boot, and an agent that was started later with those that followed it. */
function bootFacts(timeline: Timeline): [string, string][] {
  const at = timeline.findIndex(({ step }) => step === 'agent');
  const agentMs = timeline[at]?.at_ms ?? 0;
  if (agentMs - (timeline[at - 1]?.at_ms ?? 0) <= lateMs) {
    return [['Last boot', stepsText(timeline, 0)]];
  }
  const boot = timeline.slice(0, at).filter(({ at_ms: ms }) => ms > 0);
  const later = stepsText(timeline.slice(at + 1), agentMs);
  const started = `${formatDuration(agentMs / 1000)} after the kernel`;
  return [
    ['Last boot', stepsText(boot, 0)],
    ['Agent started', later === '' ? started : `${started}, then ${later}`],
  ];
}

const stepNames: Readonly<Record<string, string>> = {
  dns: 'DNS',
  tcp: 'TCP',
  tls: 'TLS',
  checkin: 'check-in',
};

/** "kernel 0.0 s, address 3.4 s": each step with its time since another one. */
function stepsText(steps: Timeline, sinceMs: number): string {
  return steps
    .map(
      ({ step, at_ms: ms }) => `${stepNames[step] ?? step} ${((ms - sinceMs) / 1000).toFixed(1)} s`,
    )
    .join(', ');
}

export function MemoryCard({ hardware }: { hardware: Hardware }) {
  const { dimms = [], memory_slots: slots } = hardware;
  if (dimms.length === 0) return null;
  const aside = typeof slots === 'number' ? `${dimms.length} of ${plural(slots, 'slot')}` : '';
  return (
    <Card title="Memory modules" aside={aside}>
      <Table
        label="Memory modules"
        head={['Slot', 'Size', 'Type', 'Maker', 'Part', 'Serial']}
        rows={dimms.map((dimm) => [
          dimm.locator,
          formatMemory(dimm.size_bytes),
          dimm.type,
          dimm.manufacturer,
          dimm.part_number,
          dimm.serial,
        ])}
      />
    </Card>
  );
}

export function DisksCard({ disks }: { disks: readonly StoredDisk[] }) {
  const total = totalBytes(disks);
  return (
    <Card
      title="Disks"
      aside={disks.length > 1 ? `${String(disks.length)}, ${formatDisk(total)}` : ''}
    >
      {disks.length === 0 ? (
        <p class="quiet">No disks were reported.</p>
      ) : (
        <Table
          label="Disks"
          head={['Device', 'Size', 'Kind', 'Holds', 'Model', 'Serial', 'WWN', 'Paths']}
          rows={disks.map((disk) => [
            <code>{disk.device}</code>,
            formatDisk(disk.size_bytes),
            kindOfDisk(disk),
            contentsOf(disk),
            disk.model,
            disk.serial,
            disk.wwn,
            disk.paths?.length ? disk.paths.join(', ') : null,
          ])}
        />
      )}
    </Card>
  );
}

/** "ssd, sata"; null where neither is known. */
function kindOfDisk({ type, transport, zoned, virtual_media: isLent, removable }: StoredDisk) {
  const parts = [type, transport === type ? null : transport];
  if (zoned !== undefined) parts.push(`${zoned} zoned`);
  if (isLent === true) parts.push('virtual media');
  else if (removable === true) parts.push('removable');
  return parts.filter(Boolean).join(', ') || null;
}

/** "gpt; ext4 "root" on /dev/sda2"; null where its agent did not look, or could not. */
function contentsOf({ device, contents }: StoredDisk): string | null {
  if (contents?.length === 0) return 'nothing';
  const texts = contents?.map(({ device: part, type, label, members }) => {
    const several = typeof members === 'number' && members > 1 ? ` (1 of ${members})` : '';
    return `${words(type, label && `"${label}"`)}${several}${part === device ? '' : ` on ${part}`}`;
  });
  return texts?.join('; ') ?? null;
}

export function NicsCard({ machine }: { machine: MachineView }) {
  const nics = machine.hardware.network_interfaces;
  return (
    <Card title="Network interfaces">
      {nics.length === 0 ? (
        <p class="quiet">No network interfaces were reported.</p>
      ) : (
        <Table
          label="Network interfaces"
          head={['Name', 'MAC', 'Link', 'Driver', 'Neighbour', 'Role']}
          rows={nics.map((nic) => [
            <code>{nic.name}</code>,
            <code>{nic.mac}</code>,
            linkText(nic),
            nic.driver,
            words(nic.neighbour?.system ?? nic.neighbour?.chassis, nic.neighbour?.port) || null,
            nic.mac === machine.identity.primary_mac ? 'primary' : null,
          ])}
        />
      )}
    </Card>
  );
}

function linkText({ speed_mbps: speed, carrier }: StoredInterface): string | null {
  if (carrier === false) return 'no link';
  if (speed !== null) return formatSpeed(speed);
  return carrier === true ? 'up' : null;
}
