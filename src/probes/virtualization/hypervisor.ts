// Judges the evidence of a virtual machine, in order of trust. Pure. Comments on ambiguous signs name the
// machines that share them.

export interface Evidence {
  dmi: Partial<Record<DmiField, string | undefined>>;
  /** SMBIOS type 0: "this is a virtual machine". */
  isVirtualMachineBit: boolean | undefined;
  cpuinfo: string | undefined;
  /** The `hypervisor` CPU flag; undefined if flags are not listed, or mean something else. */
  hasHypervisorFlag: boolean | undefined;
  xen: { isDom0: boolean } | undefined;
  cpuidSignatures: readonly string[];
  deviceTree:
    | { nodes: readonly string[]; compatible: string; hypervisor: string; model: string }
    | undefined;
  /** /proc/sysinfo of s390. */
  sysinfo: string | undefined;
  hasLparcfg: boolean;
  /** /dev/mdesc of sun4v. */
  hasMachineDescription: boolean;
  acpiOemId: string | undefined;
  /** /proc/bus/pci/devices */
  pciDevices: string | undefined;
}

type DmiField =
  | 'vendor'
  | 'product'
  | 'version'
  | 'family'
  | 'boardVendor'
  | 'biosVendor'
  | 'biosVersion'
  | 'assetTag';

/** null if nothing could tell. */
export interface Verdict {
  isVirtual: boolean | null;
  platform: string | null;
}

const metal: Verdict = { isVirtual: false, platform: null };

export function decidePlatform(evidence: Evidence): Verdict {
  if (evidence.xen?.isDom0 === true || isAmazonMetal(evidence)) return metal;
  const platform = findPlatform(evidence);
  if (platform !== undefined) return { isVirtual: true, platform };
  if (evidence.isVirtualMachineBit === true || evidence.hasHypervisorFlag === true) {
    return { isVirtual: true, platform: null };
  }
  const knowsNothing =
    evidence.cpuinfo === undefined &&
    Object.values(evidence.dmi).every((value) => value === undefined);
  return knowsNothing ? { isVirtual: null, platform: null } : metal;
}

function findPlatform(evidence: Evidence): string | undefined {
  return (
    byDmi(evidence, trustedRules) ??
    (evidence.xen ? 'xen' : undefined) ??
    bySignature(evidence.cpuidSignatures) ??
    byDmi(evidence, otherRules) ??
    fromDeviceTree(evidence.deviceTree) ??
    fromCpuinfo(evidence.cpuinfo) ??
    fromSysinfo(evidence.sysinfo) ??
    (evidence.hasLparcfg ? 'powervm' : undefined) ??
    // sun4v hardware runs every system, even the first one, under its hypervisor.
    (evidence.hasMachineDescription ? 'ldoms' : undefined) ??
    (evidence.cpuidSignatures.includes('Microsoft Hv') ? 'hyperv' : undefined) ??
    fromPci(evidence.pciDevices) ??
    acpiPlatforms.get(evidence.acpiOemId ?? '')
  );
}

interface DmiRule {
  platform: string;
  where: readonly DmiField[];
  is: RegExp;
  /** Physical machines have this name too, so on x86 it needs the VM bit or the CPU flag as well. */
  isAmbiguous?: true;
}

/** Products of hypervisors that put their own name into DMI, whatever CPUID says. */
const trustedRules: readonly DmiRule[] = [
  // Not "Oracle Corporation", which is also on Sun's and Oracle's own servers.
  { platform: 'virtualbox', where: ['product'], is: /^VirtualBox/ },
  { platform: 'virtualbox', where: ['vendor', 'biosVendor'], is: /^innotek GmbH/ },
  { platform: 'xen', where: ['product'], is: /^HVM domU/ },
  { platform: 'xen', where: ['vendor', 'biosVendor'], is: /^Xen/ },
  { platform: 'amazon', where: ['vendor', 'biosVendor'], is: /^Amazon EC2/ },
  { platform: 'parallels', where: ['vendor', 'product', 'biosVendor'], is: /^Parallels/ },
  // Google lends whole machines too.
  { platform: 'google', where: ['product'], is: /^Google Compute Engine/, isAmbiguous: true },
];

const otherRules: readonly DmiRule[] = [
  { platform: 'kvm', where: ['product'], is: /^KVM$|KVM (Hypervisor|Virtual Machine)/ },
  { platform: 'kvm', where: ['product'], is: /^(RHEV|oVirt|OpenStack|AHV$)/ },
  { platform: 'kvm', where: ['product'], is: /^Alibaba Cloud ECS/, isAmbiguous: true },
  { platform: 'kvm', where: ['product'], is: /^(Droplet|vServer|Compute Instance)/ },
  { platform: 'kvm', where: ['vendor'], is: /^(OpenStack|KubeVirt|oVirt|DigitalOcean)/ },
  { platform: 'vmware', where: ['vendor', 'product', 'biosVendor'], is: /^VMware/i },
  { platform: 'hyperv', where: ['product'], is: /^Virtual Machine$/ },
  { platform: 'bhyve', where: ['product', 'biosVendor'], is: /^BHYVE/ },
  { platform: 'apple', where: ['product'], is: /^Apple Virtualization/ },
  { platform: 'qemu', where: ['vendor', 'biosVendor', 'boardVendor'], is: /^(QEMU|Bochs)/ },
  { platform: 'qemu', where: ['product'], is: /^(Standard PC|QEMU)/ },
  { platform: 'cloud-hypervisor', where: ['vendor'], is: /^Cloud Hypervisor/ },
];

function byDmi(evidence: Evidence, rules: readonly DmiRule[]): string | undefined {
  const isPlainX86 = evidence.hasHypervisorFlag === false && evidence.isVirtualMachineBit !== true;
  const rule = rules.find(
    ({ where, is, isAmbiguous }) =>
      !(isAmbiguous === true && isPlainX86) &&
      where.some((field) => is.test(evidence.dmi[field] ?? '')),
  );
  return rule?.platform;
}

/** Instances that are physical machines: the product ends in ".metal", or the signs of a VM say no. */
function isAmazonMetal({ dmi, isVirtualMachineBit, hasHypervisorFlag }: Evidence): boolean {
  if (dmi.vendor?.startsWith('Amazon EC2') !== true) return false;
  const signs = new Set([isVirtualMachineBit, hasHypervisorFlag]);
  const isDenied = signs.has(false) && !signs.has(true);
  return dmi.product?.includes('.metal') === true || isDenied;
}

/** Without `Microsoft Hv`, which KVM, Xen and others report too, to please Windows. */
const signatures: readonly (readonly [string, string])[] = [
  ['KVMKVMKVM', 'kvm'],
  ['Linux KVM Hv', 'kvm'],
  ['LKVMLKVMLKVM', 'lkvm'],
  ['VMwareVMware', 'vmware'],
  ['XenVMMXenVMM', 'xen'],
  ['TCGTCGTCGTCG', 'qemu'],
  ['bhyve bhyve', 'bhyve'],
  ['VBoxVBoxVBox', 'virtualbox'],
  ['prl hyperv', 'parallels'],
  ['lrpepyh vr', 'parallels'],
  ['OpenBSDVMM58', 'vmm'],
  ['QNXQVMBSQG', 'qnx'],
  ['ACRNACRNACRN', 'acrn'],
  ['UnisysSpar64', 'spar'],
];

function bySignature(found: readonly string[]): string | undefined {
  return signatures.find(([signature]) => found.includes(signature))?.[1];
}

function fromDeviceTree(tree: Evidence['deviceTree']): string | undefined {
  if (tree === undefined) return undefined;
  if (tree.hypervisor.startsWith('linux,kvm')) return 'kvm';
  if (/vmware/i.test(tree.hypervisor)) return 'vmware';
  if (/xen/i.test(tree.hypervisor)) return 'xen';
  if (/emulated by qemu/.test(tree.model)) return 'kvm';
  if (tree.nodes.some((node) => node.startsWith('fw-cfg'))) return 'qemu';
  // Machines with only virtio devices are kvmtool, Firecracker and others, all on KVM.
  if (/linux,dummy-virt/.test(tree.compatible)) return 'kvm';
  return tree.nodes.includes('ibm,partition-name') ? 'powervm' : undefined;
}

function fromCpuinfo(cpuinfo: string | undefined): string | undefined {
  if (cpuinfo === undefined) return undefined;
  if (/^vendor_id\s*:\s*User Mode Linux/m.test(cpuinfo)) return 'uml';
  if (/^vendor_id\s*:\s*PowerVM Lx86/m.test(cpuinfo)) return 'powervm';
  if (/^(machine|model)\s*:.*emulated by qemu/m.test(cpuinfo)) return 'kvm';
  // POWER servers run either OPAL ("PowerNV") or, as "pSeries", a partition of PowerVM.
  return /^platform\s*:\s*pSeries/m.test(cpuinfo) ? 'powervm' : undefined;
}

/** The innermost level is VM00; a bare LPAR has none and is not called virtual. */
function fromSysinfo(sysinfo: string | undefined): string | undefined {
  const program = /^VM00 Control Program:\s*(.*)$/m.exec(sysinfo ?? '')?.[1];
  if (program === undefined) return undefined;
  return program.startsWith('KVM') ? 'kvm' : program.startsWith('z/VM') ? 'zvm' : undefined;
}

/** Devices that only a hypervisor makes, by vendor and device id. */
const pciPlatforms: readonly (readonly [string, string])[] = [
  ['80eebeef', 'virtualbox'],
  ['80eecafe', 'virtualbox'],
  ['15ad0405', 'vmware'],
  ['15ad0740', 'vmware'],
  ['15ad0710', 'vmware'],
  ['58530001', 'xen'],
  ['14145353', 'hyperv'],
  ['1ab84005', 'parallels'],
];

function fromPci(devices: string | undefined): string | undefined {
  const found = new Set(devices?.split('\n').map((line) => line.split('\t')[1]));
  return pciPlatforms.find(([id]) => found.has(id))?.[1];
}

const acpiPlatforms: ReadonlyMap<string, string> = new Map(
  Object.entries({
    FIRECK: 'firecracker',
    BOCHS: 'qemu',
    CLOUDH: 'cloud-hypervisor',
    VRTUAL: 'hyperv',
    VBOX: 'virtualbox',
  }),
);

const clouds: readonly { cloud: string; where: readonly DmiField[]; is: RegExp }[] = [
  {
    cloud: 'amazon',
    where: ['vendor', 'biosVendor', 'boardVendor', 'assetTag'],
    is: /^Amazon EC2/,
  },
  { cloud: 'amazon', where: ['version', 'biosVersion'], is: /\.amazon$/ },
  { cloud: 'google', where: ['product'], is: /^Google Compute Engine/ },
  { cloud: 'azure', where: ['assetTag'], is: /^7783-7084-3265-9085-8269-3286-77/ },
  { cloud: 'alibaba', where: ['vendor', 'product'], is: /^Alibaba Cloud/ },
  { cloud: 'oracle', where: ['assetTag'], is: /^OracleCloud/ },
  { cloud: 'digitalocean', where: ['vendor'], is: /^DigitalOcean/ },
  { cloud: 'hetzner', where: ['vendor'], is: /^Hetzner/ },
  { cloud: 'scaleway', where: ['vendor'], is: /^Scaleway/ },
  { cloud: 'vultr', where: ['vendor'], is: /^Vultr/ },
  { cloud: 'linode', where: ['vendor'], is: /^(Linode|Akamai)/ },
  { cloud: 'tencent', where: ['vendor'], is: /^Tencent Cloud/ },
  { cloud: 'huawei', where: ['vendor', 'assetTag'], is: /^(Huawei Cloud|HUAWEICLOUD)/ },
  { cloud: 'exoscale', where: ['product'], is: /^Exoscale/ },
  { cloud: 'upcloud', where: ['vendor'], is: /^UpCloud/ },
  { cloud: 'openstack', where: ['vendor', 'product', 'assetTag'], is: /^OpenStack/ },
];

/** The cloud, which may also be that of a physical machine, because clouds rent those too. */
export function decideCloud({ dmi }: Evidence): string | null {
  const found = clouds.find(({ where, is }) => where.some((field) => is.test(dmi[field] ?? '')));
  return found?.cloud ?? null;
}
