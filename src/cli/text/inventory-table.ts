// Formats an inventory as a table for the 80 columns of a serial console.
import type { Disk } from '../../model/hardware/disk.ts';
import type { Hardware, Inventory } from '../../model/inventory.ts';
import type { Problem } from '../../model/problem.ts';
import { columns, pairs, wrap, consoleColumns } from './table.ts';

/** The table's text. */
export function inventoryTable({ identity, hardware, problems }: Inventory): string {
  const { disks, network_interfaces: nics } = hardware;
  const lines = [
    ...pairs([
      ...machineRows(hardware),
      ['identity', identity.identity_hash],
      ['primary MAC', identity.primary_mac],
      ['UUID', identity.smbios_uuid],
      ['machine-id', identity.machine_id],
      ['CPU', cpuText(hardware)],
      ['memory', memoryText(hardware)],
      ['virtual', virtualText(hardware)],
    ]),
    '',
    ...section('disks', disks, (all) =>
      columns(
        ['DEVICE', 'SIZE', 'TYPE', 'BUS', 'MODEL', 'SERIAL', 'NOTE'],
        all.map((disk) => [
          disk.device,
          bytesText(disk.size_bytes),
          disk.type,
          disk.transport,
          disk.model,
          disk.serial,
          notes({
            removable: disk.removable,
            'read-only': disk.read_only,
            [`${disk.zoned ?? ''} zoned`]: disk.zoned !== undefined,
            virtual: disk.virtual_media,
            [`${disk.paths.length} paths`]: disk.paths.length > 1,
          }),
        ]),
        { indent: 2 },
      ),
    ),
    ...contentsSection(disks ?? []),
    ...section('network interfaces', nics, (all) =>
      columns(
        ['NAME', 'MAC', 'DRIVER', 'PCI', 'LINK', 'SPEED', 'NOTE'],
        all.map((nic) => [
          nic.name,
          nic.mac,
          nic.driver,
          nic.pci_address,
          nic.carrier === null ? null : nic.carrier ? 'up' : 'down',
          nic.speed_mbps === null ? null : `${nic.speed_mbps / 1000}G`,
          notes({
            [nic.bond ?? '']: nic.bond !== null,
            BMC: nic.is_bmc,
            USB: nic.is_usb && !nic.is_bmc,
            dock: nic.is_docked === true,
            VF: nic.is_vf,
            wireless: nic.kind === 'wlan',
          }),
        ]),
        { indent: 2 },
      ),
    ),
    ...section('problems', problems, problemLines),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function section<T>(
  title: string,
  list: readonly T[] | undefined,
  body: (list: readonly T[]) => string[],
): string[] {
  if (list === undefined) return [`${title}: not known`, ''];
  return list.length === 0 ? [`no ${title}`, ''] : [`${title} (${list.length})`, ...body(list), ''];
}

/** The data on the disks, where it was looked for. */
function contentsSection(disks: readonly Disk[]): string[] {
  const rows = disks.flatMap(({ device, contents }) =>
    contents?.length === 0
      ? [[device, 'nothing', null]]
      : (contents ?? []).map((one) => [one.device, one.type, one.label ?? null]),
  );
  if (rows.length === 0) return [];
  return ['on the disks', ...columns(['DEVICE', 'HOLDS', 'LABEL'], rows, { indent: 2 }), ''];
}

/** Lists a problem that several sections share once. */
function problemLines(problems: readonly Problem[]): string[] {
  const sections = new Map<string, Set<string>>();
  for (const { code, section: name, message } of problems) {
    const text = `${message} [${code}]`;
    sections.set(text, (sections.get(text) ?? new Set()).add(name));
  }
  return [...sections].flatMap(([text, names]) =>
    wrap(`${[...names].join(', ')}: ${text}`, consoleColumns - 2).map((line) => `  ${line}`),
  );
}

function machineRows({ system, firmware, boot }: Hardware): [string, string | null][] {
  const machine = [system?.vendor, system?.product].filter(Boolean).join(' ');
  const serial = system?.serial ? `serial ${system.serial}` : '';
  const version = [firmware?.vendor, firmware?.version, firmware?.date].filter(Boolean).join(' ');
  const mode = boot?.firmware_mode?.toUpperCase();
  return [
    ['machine', [machine, serial].filter(Boolean).join(', ') || null],
    ['firmware', [version, mode].filter(Boolean).join(', ') || null],
  ];
}

function cpuText({ cpu_model, cpu_cores, cpu_threads, cpu_sockets }: Hardware): string {
  const counts = [
    counted(cpu_sockets, 'socket'),
    counted(cpu_cores, 'core'),
    counted(cpu_threads, 'thread'),
  ];
  return [cpu_model ?? 'unknown model', ...counts].filter(Boolean).join(', ');
}

function counted(count: number | null, noun: string): string {
  return count === null ? '' : `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function memoryText({ memory_bytes: bytes, dimms }: Hardware): string | null {
  if (bytes === null) return null;
  const modules = dimms?.length ? ` in ${counted(dimms.length, 'module')}` : '';
  return `${bytesText(bytes)}${modules}`;
}

function virtualText(hardware: Hardware): string | null {
  const { is_virtual: isVirtual, virt_platform: platform } = hardware;
  const { cloud, container } = hardware;
  const base = isVirtual === null ? null : isVirtual ? (platform ?? 'yes') : 'no';
  const extras = [
    cloud ? `at ${cloud}` : '',
    container ? `read from within a container (${container})` : '',
  ];
  return base === null ? null : [base, ...extras].filter(Boolean).join(', ');
}

function notes(flags: Readonly<Record<string, boolean>>): string {
  return Object.entries(flags)
    .flatMap(([name, isSet]) => (isSet ? [name] : []))
    .join(' ');
}

/** In binary units: 274877906944 → "256 GiB". */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}
