// Display controllers and accelerators on PCI, without their virtual functions.
import type { Gpu } from '../model/hardware/gpu.ts';
import type { Probe } from './probe.ts';
import { Reading } from './reading.ts';
import { readSmbios } from './smbios/read.ts';
import { baseName } from './sysfs/base-name.ts';

const base = '/sys/bus/pci/devices';

/** There is no copy of pci.ids in here: a card without driver is named by its ids.
 *  Source: PCI classes 03xx and 12xx in /sys/bus/pci/devices; /proc/driver/nvidia and amdgpu's attributes;
 *  SMBIOS type 41 for those on the board. */
export const gpusProbe: Probe<'gpus'> = {
  name: 'gpus',
  async read(root, report) {
    const read = new Reading(root, 'gpus', report);
    const addresses = await read.list(base);
    if (addresses === undefined) return undefined;
    const files = addresses.map((address) => `${base}/${address}/class`);
    const classes = await Promise.all(files.map((file) => read.value(file)));
    // Leaving out a device of unknown class would claim that there is no such GPU.
    if (read.refused(...files)) return undefined;
    const found = addresses.filter((_, i) => /^0x(?:03|12)/.test(classes[i] ?? ''));
    const functions = await Promise.all(
      found.map((address) => read.quietly().link(`${base}/${address}/physfn`)),
    );
    const cards = found.filter((_, i) => functions[i] === undefined);
    return await Promise.all(cards.map((address) => readGpu(read, address)));
  },
};

async function readGpu(read: Reading, address: string): Promise<Gpu> {
  const dir = `${base}/${address}`;
  const [vendorId, deviceId, driver, vram] = await Promise.all([
    read.value(`${dir}/vendor`),
    read.value(`${dir}/device`),
    read.link(`${dir}/driver`),
    read.number(`${dir}/mem_info_vram_total`),
  ]);
  const ids = [vendorId, deviceId].map((id) => id?.replace(/^0x/, '') ?? '????');
  const pciId = ids.join(':');
  return {
    name: (await readName(read, address)) ?? pciId,
    vendor: vendors.get(ids[0] ?? '') ?? null,
    vram_bytes: vram ?? null,
    pci_address: address,
    pci_id: pciId,
    driver: driver === undefined ? null : baseName(driver),
  };
}

async function readName(read: Reading, address: string): Promise<string | undefined> {
  const [nvidia, amd] = await Promise.all([
    read.text(`/proc/driver/nvidia/gpus/${address}/information`),
    read.value(`${base}/${address}/product_name`),
  ]);
  const byDriver = parseNvidiaModel(nvidia ?? '') ?? amd;
  if (byDriver !== undefined) return byDriver;
  const smbios = await readSmbios(read.quietly());
  const onboard = smbios?.tables.onboardDevices.find((device) => device.pciAddress === address);
  return onboard?.name ?? undefined;
}

/** "Model: NVIDIA A100-SXM4-40GB"; "Unknown" for a card that the driver could not start. */
export function parseNvidiaModel(text: string): string | undefined {
  const model = /^Model:(.*)$/m.exec(text)?.[1]?.trim() ?? '';
  return model === '' || model === 'Unknown' ? undefined : model;
}

const vendors: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '1002': 'AMD',
    '1013': 'Cirrus Logic',
    '102b': 'Matrox',
    '10de': 'NVIDIA',
    '1234': 'QEMU',
    '1414': 'Microsoft',
    '15ad': 'VMware',
    '1a03': 'ASPEED',
    '1af4': 'Red Hat',
    '1da3': 'Habana Labs',
    '1b36': 'Red Hat',
    '8086': 'Intel',
    '80ee': 'VirtualBox',
  }),
);
