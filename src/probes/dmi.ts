// The firmware's description of the machine: vendor, model, serial numbers, UUID, firmware.
import { normalizeUuid } from '../identity/uuid.ts';
import type { DmiFacts, Sourced } from '../model/inventory.ts';
import { detectContainer, readContainerEvidence } from './virtualization/container.ts';
import type { Probe } from './probe.ts';
import { Reading } from './reading.ts';
import { dropPlaceholder } from '../identity/placeholder-text.ts';
import { readSmbios, type SmbiosSource } from './smbios/read.ts';
import type { SmbiosTables } from './smbios/tables.ts';

/** Source: SMBIOS types 0 to 3 (see smbios/read.ts); where the tables are refused, the kernel's
 *  copies in /sys/class/dmi/id; in their absence the device-tree and /sys/hypervisor.
 *  Errors: reports read.denied for serial numbers and the UUID when not root. */
export const dmiProbe: Probe<'dmi'> = {
  name: 'dmi',
  async read(root, report) {
    const read = new Reading(root, 'dmi', report);
    const smbios = await readSmbios(read);
    const { system, ...strings } = smbios ? fromTables(smbios.tables) : await fromSysfs(read);
    return {
      ...strings,
      system: { ...system, serial: system.serial ?? (await serialElsewhere(read)) },
      system_uuid: await systemUuid(read, smbios),
      smbios_version: smbios ? versionText(smbios.tables) : null,
    };
  },
};

type Strings = Pick<DmiFacts, 'system' | 'board' | 'chassis' | 'firmware'>;

function fromTables({ system, boards, chassis, firmware }: SmbiosTables): Strings {
  const [board] = boards;
  return {
    system: {
      vendor: dropPlaceholder(system?.vendor),
      product: dropPlaceholder(system?.product),
      version: dropPlaceholder(system?.version),
      serial: dropPlaceholder(system?.serial),
      sku: dropPlaceholder(system?.sku),
      family: dropPlaceholder(system?.family),
      asset_tag: dropPlaceholder(chassis?.assetTag),
    },
    board: {
      vendor: dropPlaceholder(board?.vendor),
      product: dropPlaceholder(board?.product),
      version: dropPlaceholder(board?.version),
      serial: dropPlaceholder(board?.serial),
    },
    chassis: { serial: dropPlaceholder(chassis?.serial) },
    firmware: {
      vendor: dropPlaceholder(firmware?.vendor),
      version: dropPlaceholder(firmware?.version),
      date: dropPlaceholder(firmware?.date),
    },
  };
}

async function fromSysfs(read: Reading): Promise<Strings> {
  const id = async (file: string): Promise<string | null> =>
    dropPlaceholder(await read.value(`/sys/class/dmi/id/${file}`));
  const [vendor, product, serial, asset_tag, chassisSerial] = await Promise.all(
    ['sys_vendor', 'product_name', 'product_serial', 'chassis_asset_tag', 'chassis_serial'].map(id),
  );
  const [systemVersion, sku, family] = await Promise.all(
    ['product_version', 'product_sku', 'product_family'].map(id),
  );
  const [boardVendor, boardProduct, boardVersion, boardSerial] = await Promise.all(
    ['board_vendor', 'board_name', 'board_version', 'board_serial'].map(id),
  );
  const [biosVendor, version, date] = await Promise.all(
    ['bios_vendor', 'bios_version', 'bios_date'].map(id),
  );
  const mainframe = vendor === null ? parseSysinfo((await read.text('/proc/sysinfo')) ?? '') : {};
  return {
    system: {
      vendor: vendor ?? mainframe.vendor ?? (await deviceTreeVendor(read)),
      product: product ?? mainframe.product ?? (await deviceTreeModel(read)),
      version: systemVersion ?? null,
      serial: serial ?? mainframe.serial ?? null,
      sku: sku ?? null,
      family: family ?? null,
      asset_tag: asset_tag ?? null,
    },
    board: {
      vendor: boardVendor ?? null,
      product: boardProduct ?? null,
      version: boardVersion ?? null,
      serial: boardSerial ?? null,
    },
    chassis: { serial: chassisSerial ?? null },
    firmware: { vendor: biosVendor ?? null, version: version ?? null, date: date ?? null },
  };
}

/** Boards without SMBIOS: "Raspberry Pi 5 Model B Rev 1.0". */
async function deviceTreeModel(read: Reading): Promise<string | null> {
  return (await read.value('/proc/device-tree/model')) ?? null;
}

/** The maker of the first compatible machine: "raspberrypi" of "raspberrypi,4-model-b". */
async function deviceTreeVendor(read: Reading): Promise<string | null> {
  const compatible = await read.quietly().text('/proc/device-tree/compatible');
  const maker = /^([\w.+-]{1,64}),/.exec(compatible ?? '')?.[1];
  // QEMU's machine is "linux,dummy-virt".
  return maker === undefined || maker === 'linux' ? null : maker;
}

/** The serial number of a machine whose firmware gives none in SMBIOS, as U-Boot does: the device tree has one of
 *  boards, as serial-number, and of IBM's POWER machines, as system-id; kernels know that of the chip. */
async function serialElsewhere(read: Reading): Promise<string | null> {
  const [serial, systemId, chip] = await Promise.all(
    [
      '/proc/device-tree/serial-number',
      '/proc/device-tree/system-id',
      '/sys/devices/soc0/serial_number',
    ].map((file) => read.quietly().value(file)),
  );
  const cpuinfo = (await read.quietly().text('/proc/cpuinfo')) ?? '';
  const found = [
    serial,
    systemId?.replace(/^IBM,/, ''),
    /^Serial[ \t]*:[ \t]*([0-9a-f]{8,32})$/m.exec(cpuinfo)?.[1],
    chip,
  ];
  return found.map(dropPlaceholder).find((text) => text !== null) ?? null;
}

/** The UUID from the first source that gives one; whether it is a placeholder is decided later. */
async function systemUuid(
  read: Reading,
  smbios: SmbiosSource | null | undefined,
): Promise<Sourced<string> | null> {
  const fromTable = normalizeUuid(smbios?.tables.system?.uuid);
  if (fromTable !== undefined && smbios) return { value: fromTable, source: smbios.source };
  const isContained = detectContainer(await readContainerEvidence(read)) !== null;
  const sources = [
    '/sys/class/dmi/id/product_uuid',
    // A container sees these of its host.
    ...(isContained ? [] : ['/proc/device-tree/vm,uuid', '/sys/hypervisor/uuid']),
  ];
  for (const source of sources) {
    const value = normalizeUuid(await read.value(source));
    if (value !== undefined) return { value, source };
  }
  if (isContained) return null;
  const partition = '/proc/device-tree/ibm,partition-uuid';
  const value = normalizeUuid(await read.quietly().value(partition));
  if (value !== undefined) return { value, source: partition };
  const mainframe = parseSysinfo((await read.quietly().text('/proc/sysinfo')) ?? '').uuid;
  return mainframe === undefined ? null : { value: mainframe, source: '/proc/sysinfo' };
}

/** A mainframe: "IBM", "3906-M04", its sequence code, and the UUID of the guest, else of the partition. Its partitions
 *  have its sequence code in common; guests, which would share it too, get none. Source: kernel
 *  arch/s390/kernel/sysinfo.c. */
function parseSysinfo(text: string): {
  vendor?: string;
  product?: string;
  serial?: string;
  uuid?: string;
} {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:[ \\t]*(\\S.*)$`, 'm').exec(text)?.[1]?.trim();
  const [vendor, type, serial] = ['Manufacturer', 'Type', 'Sequence Code'].map(field);
  if (vendor === undefined || type === undefined) return {};
  const model = field('Model')?.split(/\s+/).at(-1);
  const uuid = normalizeUuid(field('VM00 UUID')) ?? normalizeUuid(field('LPAR UUID'));
  return {
    vendor,
    product: model === undefined || model === type ? type : `${type}-${model}`,
    ...(serial !== undefined && !/^VM00/m.test(text) && { serial }),
    ...(uuid !== undefined && { uuid }),
  };
}

function versionText({ version }: SmbiosTables): string | null {
  return version ? `${version.major}.${version.minor}` : null;
}
