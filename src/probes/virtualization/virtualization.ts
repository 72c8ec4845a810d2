// Collects evidence of a virtual machine, its platform and cloud, and of a container around the agent.
// hypervisor.ts judges it.
import type { Virtualization } from '../../model/hardware/virtualization.ts';
import { detectContainer, readContainerEvidence } from './container.ts';
import { cpuFlags } from '../cpu/cpuinfo.ts';
import { decideCloud, decidePlatform, type Evidence } from './hypervisor.ts';
import type { Probe } from '../probe.ts';
import { clean, Reading } from '../reading.ts';
import { readSmbios } from '../smbios/read.ts';

export const virtualizationProbe: Probe<'virtualization'> = {
  name: 'virtualization',
  async read(root, report) {
    const read = new Reading(root, 'virtualization', report);
    const [verdict, container] = await Promise.all([
      readVirtualization(read),
      readContainerEvidence(read),
    ]);
    return { ...verdict, container: detectContainer(container) };
  },
};

/** About the machine, never about a container that the agent may run in.
 *  Source: DMI, CPUID, /proc, /sys/hypervisor, device-tree, ACPI; see hypervisor.ts for the order. */
export async function readVirtualization(
  read: Reading,
): Promise<Omit<Virtualization, 'container'>> {
  const evidence = await readEvidence(read);
  const { isVirtual, platform } = decidePlatform(evidence);
  return { is_virtual: isVirtual, virt_platform: platform, cloud: decideCloud(evidence) };
}

async function readEvidence(read: Reading): Promise<Evidence> {
  const cpuinfo = (await read.text('/proc/cpuinfo')) || undefined;
  const flags = cpuinfo === undefined ? undefined : cpuFlags(cpuinfo);
  const evidence: Evidence = {
    ...(await readDmiEvidence(read)),
    cpuinfo,
    hasHypervisorFlag: flags?.has('hypervisor'),
    xen: await readXen(read),
    cpuidSignatures: await readCpuid(read),
    deviceTree: await readDeviceTree(read),
    sysinfo: await read.text('/proc/sysinfo'),
    hasLparcfg: (await read.list('/proc/ppc64'))?.includes('lparcfg') === true,
    hasMachineDescription: (await read.list('/dev'))?.includes('mdesc') === true,
    acpiOemId: undefined,
    pciDevices: await read.text('/proc/bus/pci/devices'),
  };
  // Only root may read ACPI tables, and few machines need them: those without DMI, and those whose DMI says
  // that they are virtual but names a hardware vendor.
  const hasDmi = Object.values(evidence.dmi).some((value) => value !== undefined);
  const { isVirtual, platform } = decidePlatform(evidence);
  if (hasDmi && (isVirtual !== true || platform !== null)) return evidence;
  return { ...evidence, acpiOemId: await readAcpiOemId(hasDmi ? read.quietly() : read) };
}

async function readDmiEvidence(
  read: Reading,
): Promise<Pick<Evidence, 'dmi' | 'isVirtualMachineBit'>> {
  const smbios = await readSmbios(read.quietly());
  if (smbios) {
    const { system, boards, firmware, chassis } = smbios.tables;
    return {
      isVirtualMachineBit: firmware?.isVirtualMachine,
      dmi: {
        vendor: system?.vendor ?? undefined,
        product: system?.product ?? undefined,
        version: system?.version ?? undefined,
        family: system?.family ?? undefined,
        boardVendor: boards[0]?.vendor ?? undefined,
        biosVendor: firmware?.vendor ?? undefined,
        biosVersion: firmware?.version ?? undefined,
        assetTag: chassis?.assetTag ?? undefined,
      },
    };
  }
  const id = (file: string): Promise<string | undefined> => read.value(`/sys/class/dmi/id/${file}`);
  const [vendor, product, version, family] = await Promise.all(
    ['sys_vendor', 'product_name', 'product_version', 'product_family'].map(id),
  );
  const [boardVendor, biosVendor, biosVersion, assetTag] = await Promise.all(
    ['board_vendor', 'bios_vendor', 'bios_version', 'chassis_asset_tag'].map(id),
  );
  const dmi = { vendor, product, version, family, boardVendor, biosVendor, biosVersion, assetTag };
  return { isVirtualMachineBit: undefined, dmi };
}

async function readXen(read: Reading): Promise<Evidence['xen']> {
  const [procXen = [], capabilities, type, features, bus = []] = await Promise.all([
    read.list('/proc/xen'),
    read.value('/proc/xen/capabilities'),
    read.value('/sys/hypervisor/type'),
    read.value('/sys/hypervisor/properties/features'),
    read.list('/sys/bus/xen/drivers'),
  ]);
  // Every kernel that could be a guest has the bus; only guests of Xen have these drivers.
  const hasFrontend = bus.includes('vbd') || bus.includes('vif');
  if (procXen.length === 0 && type !== 'xen' && !hasFrontend) return undefined;
  const featureBits = /^[0-9a-f]{1,8}$/i.test(features ?? '') ? Number(`0x${features}`) : 0;
  const dom0Feature = 1 << 11;
  const isDom0 = (featureBits & dom0Feature) !== 0;
  return { isDom0: isDom0 || capabilities?.includes('control_d') === true };
}

/** The hypervisors' signatures, from the kernel's cpuid module if it is loaded.
 *  Source: leaf 0x40000000 (EBX, ECX, EDX), and 0x40000100, where a hypervisor that imitates
 *  Hyper-V gives its own. */
async function readCpuid(read: Reading): Promise<string[]> {
  const signatures: string[] = [];
  for (const offset of [0x4000_0000, 0x4000_0100]) {
    const registers = await read.bytes('/dev/cpu/0/cpuid', { offset, length: 16 });
    if (registers?.length !== 16) break;
    signatures.push(clean(new TextDecoder('latin1').decode(registers.subarray(4))));
  }
  return signatures;
}

async function readDeviceTree(read: Reading): Promise<Evidence['deviceTree']> {
  const nodes = await read.list('/proc/device-tree');
  if (nodes === undefined || nodes.length === 0) return undefined;
  const base = '/proc/device-tree';
  const [compatible, hypervisor, model] = await Promise.all([
    nodes.includes('compatible') ? read.text(`${base}/compatible`) : undefined,
    nodes.includes('hypervisor') ? read.text(`${base}/hypervisor/compatible`) : undefined,
    nodes.includes('model') ? read.text(`${base}/model`) : undefined,
  ]);
  return { nodes, compatible: compatible ?? '', hypervisor: hypervisor ?? '', model: model ?? '' };
}

/** The OEM id of the ACPI tables: six bytes at offset 10. */
async function readAcpiOemId(read: Reading): Promise<string | undefined> {
  const tables = await read.list('/sys/firmware/acpi/tables');
  const table = ['DSDT', 'FACP', 'APIC', 'XSDT'].find((name) => tables?.includes(name));
  if (table === undefined) return undefined;
  const oemId = await read.bytes(`/sys/firmware/acpi/tables/${table}`, { offset: 10, length: 6 });
  return oemId && clean(new TextDecoder('latin1').decode(oemId));
}
