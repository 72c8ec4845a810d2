import { describe, expect, it } from 'vitest';
import { read } from '../host.ts';
import type { Entry } from '../memory-root.ts';
import { structure, system, table } from '../smbios/smbios-table.ts';

type Files = Readonly<Record<string, Entry>>;

const id = '/sys/class/dmi/id';
const metalCpu = 'vendor_id : GenuineIntel\nflags : fpu vmx\n';
const guestCpu = 'vendor_id : GenuineIntel\nflags : fpu hypervisor\n';

async function verdict(files: Files, cpuinfo = metalCpu): Promise<unknown[]> {
  const found = await read('virtualization', { '/proc/cpuinfo': cpuinfo, ...files });
  return [found.is_virtual, found.virt_platform, found.cloud];
}

function dmi(vendor: string, product: string, more: Files = {}): Files {
  return { [`${id}/sys_vendor`]: vendor, [`${id}/product_name`]: product, ...more };
}

/** CPUID as the kernel's module gives it: by leaf, the signature in EBX, ECX and EDX. */
function cpuidFile(leaves: Readonly<Record<number, string>>): Entry {
  return {
    range: ({ offset }) => {
      const registers = new Uint8Array(16);
      registers.set(Buffer.from(leaves[offset] ?? '', 'latin1'), 4);
      return registers;
    },
  };
}

describe('the virtualization probe', () => {
  it.each([
    ['VMware, Inc.', 'VMware7,1', [true, 'vmware', null]],
    ['innotek GmbH', 'VirtualBox', [true, 'virtualbox', null]],
    ['Microsoft Corporation', 'Virtual Machine', [true, 'hyperv', null]],
    ['QEMU', 'Standard PC (Q35 + ICH9, 2009)', [true, 'qemu', null]],
    ['QEMU', 'KVM Virtual Machine', [true, 'kvm', null]],
    ['Red Hat', 'KVM', [true, 'kvm', null]],
    ['Xen', 'HVM domU', [true, 'xen', null]],
    [
      'Parallels Software International Inc.',
      'Parallels Virtual Platform',
      [true, 'parallels', null],
    ],
    ['Hetzner', 'vServer', [true, 'kvm', 'hetzner']],
  ])('knows a guest of %s %s, whatever the CPU says', async (vendor, product, expected) => {
    expect(await verdict(dmi(vendor, product))).toEqual(expected);
  });

  it.each([
    ['Oracle Corporation', 'SUN SERVER X4-2'],
    ['Nutanix', 'NX-3050'],
    ['Microsoft Corporation', 'Surface Laptop'],
    ['Google', 'Eve'],
    ['Dell Inc.', 'PowerEdge R630'],
  ])('takes a %s %s for a real machine', async (vendor, product) => {
    expect(await verdict(dmi(vendor, product))).toEqual([false, null, null]);
  });

  it('tells an EC2 guest from an EC2 machine', async () => {
    expect(await verdict(dmi('Amazon EC2', 'c5.large'), guestCpu)).toEqual([
      true,
      'amazon',
      'amazon',
    ]);
    expect(await verdict(dmi('Amazon EC2', 'i3.metal'), guestCpu)).toEqual([false, null, 'amazon']);
    expect(await verdict(dmi('Amazon EC2', 'm5.large'))).toEqual([false, null, 'amazon']);
  });

  it('tells a guest of Google from a whole machine that Google lends', async () => {
    const compute = dmi('Google', 'Google Compute Engine');
    expect(await verdict(compute, guestCpu)).toEqual([true, 'google', 'google']);
    expect(await verdict(compute)).toEqual([false, null, 'google']);
    expect(await verdict(compute, 'CPU implementer : 0x41\n')).toEqual([true, 'google', 'google']);
  });

  it('tells a guest of Alibaba from a whole machine of the same name', async () => {
    const ecs = dmi('Alibaba Cloud', 'Alibaba Cloud ECS');
    expect(await verdict(ecs, guestCpu)).toEqual([true, 'kvm', 'alibaba']);
    expect(await verdict(ecs)).toEqual([false, null, 'alibaba']);
    expect(await verdict(ecs, 'CPU implementer : 0x41\n')).toEqual([true, 'kvm', 'alibaba']);
  });

  it('takes an EC2 guest on ARM for one also where the tables are denied', async () => {
    const guest = dmi('Amazon EC2', 'a1.medium');
    expect(await verdict(guest, 'CPU implementer : 0x41\n')).toEqual([true, 'amazon', 'amazon']);
  });

  it('does not take a kernel that could be a Xen guest for one', async () => {
    expect(await verdict({ '/sys/bus/xen/drivers/xen-platform/bind': '' })).toEqual([
      false,
      null,
      null,
    ]);
    expect(await verdict({ '/sys/bus/xen/drivers/vif/bind': '' })).toEqual([true, 'xen', null]);
  });

  it('calls a guest virtual by its CPU flag where nothing else is known', async () => {
    expect(await verdict({}, guestCpu)).toEqual([true, null, null]);
  });

  it('calls a guest virtual by the bit in SMBIOS', async () => {
    const raw = table(structure(0, { 0x13: 0x10 }));
    expect(await verdict({ '/sys/firmware/dmi/tables/DMI': raw })).toEqual([true, null, null]);
  });

  it.each([
    ['KVMKVMKVM\0\0\0', 'kvm'],
    ['VMwareVMware', 'vmware'],
    ['XenVMMXenVMM', 'xen'],
    ['bhyve bhyve ', 'bhyve'],
    ['Microsoft Hv', 'hyperv'],
  ])('reads the signature %j', async (signature, platform) => {
    expect(await verdict({ '/dev/cpu/0/cpuid': cpuidFile({ 0x4000_0000: signature }) })).toEqual([
      true,
      platform,
      null,
    ]);
  });

  it('believes what stands beside an imitated Hyper-V', async () => {
    const both = { 0x4000_0000: 'Microsoft Hv', 0x4000_0100: 'KVMKVMKVM' };
    expect(await verdict({ '/dev/cpu/0/cpuid': cpuidFile(both) })).toEqual([true, 'kvm', null]);
  });

  it('takes a Xen dom0 for the machine itself', async () => {
    const xen = { '/proc/xen/capabilities': 'control_d\n', '/sys/hypervisor/type': 'xen\n' };
    expect(await verdict(xen)).toEqual([false, null, null]);
    const features = {
      '/sys/hypervisor/type': 'xen',
      '/sys/hypervisor/properties/features': '00000800',
    };
    expect(await verdict(features)).toEqual([false, null, null]);
  });

  it('knows a Xen guest without DMI', async () => {
    expect(await verdict({ '/proc/xen/xenbus': '', '/sys/hypervisor/type': 'xen\n' })).toEqual([
      true,
      'xen',
      null,
    ]);
  });

  it.each([
    ['z/VM', { '/proc/sysinfo': 'VM00 Control Program: z/VM    6.4.0\n' }, [true, 'zvm', null]],
    [
      'KVM in z/VM',
      { '/proc/sysinfo': 'VM00 Control Program: KVM/Linux\nVM01 Control Program: z/VM\n' },
      [true, 'kvm', null],
    ],
    ['an LPAR', { '/proc/sysinfo': 'LPAR Name: L16\n' }, [false, null, null]],
  ])('knows %s on s390', async (_, files, expected) => {
    expect(await verdict(files, 'vendor_id : IBM/S390\n')).toEqual(expected);
  });

  it.each([
    [
      'KVM',
      'platform : pSeries\nmachine : CHRP IBM pSeries (emulated by qemu)\n',
      [true, 'kvm', null],
    ],
    ['PowerVM', 'platform : pSeries\nmachine : CHRP IBM,8286-42A\n', [true, 'powervm', null]],
    ['metal', 'platform : PowerNV\nmachine : PowerNV 8247-22L\n', [false, null, null]],
  ])('tells %s on POWER', async (_, cpuinfo, expected) => {
    expect(await verdict({}, cpuinfo)).toEqual(expected);
  });

  it.each([
    ['hypervisor/compatible', 'vmware\0', 'vmware'],
    ['hypervisor/compatible', 'xen,xen-4.6\0xen,xen\0', 'xen'],
    ['fw-cfg@9020000/compatible', 'qemu,fw-cfg-mmio\0', 'qemu'],
    ['compatible', 'linux,dummy-virt\0', 'kvm'],
  ])('reads the device-tree: %s %j', async (node, value, platform) => {
    const files = { [`/proc/device-tree/${node}`]: value };
    expect(await verdict(files, 'CPU implementer : 0x41\n')).toEqual([true, platform, null]);
  });

  it.each([
    ['FIRECK', 'firecracker'],
    ['CLOUDH', 'cloud-hypervisor'],
  ])('knows %s by its ACPI tables where there is no DMI', async (oemId, platform) => {
    const files = { '/sys/firmware/acpi/tables/DSDT': `DSDT......${oemId}FCMVDSDT` };
    expect(await verdict(files, guestCpu)).toEqual([true, platform, null]);
  });

  it('knows a machine that calls itself virtual by its ACPI tables, where DMI names no hypervisor', async () => {
    const firmware = structure(0, { 0x13: 0x10 });
    const files = {
      '/sys/firmware/dmi/tables/DMI': table(firmware, system('Ampere', 'Altra')),
      '/sys/firmware/acpi/tables/DSDT': 'DSDT......BOCHS BXPC',
    };
    expect(await verdict(files, 'CPU implementer : 0x41\n')).toEqual([true, 'qemu', null]);
  });

  it('knows VirtualBox by its PCI devices alone', async () => {
    const files = { '/proc/bus/pci/devices': '0010\t80eebeef\t12\n' };
    expect(await verdict(files)).toEqual([true, 'virtualbox', null]);
  });

  it.each([
    ['azure', { [`${id}/chassis_asset_tag`]: '7783-7084-3265-9085-8269-3286-77' }],
    ['oracle', { [`${id}/chassis_asset_tag`]: 'OracleCloud.com' }],
    ['amazon', { [`${id}/bios_version`]: '4.2.amazon' }],
  ])('names the cloud %s beside the platform', async (cloud, files) => {
    expect((await verdict(files, guestCpu))[2]).toBe(cloud);
  });

  it('says null where neither CPU nor firmware says anything', async () => {
    expect((await read('virtualization', {})).is_virtual).toBeNull();
  });

  it.each([
    ['docker', { '/.dockerenv': '' }],
    ['podman', { '/run/.containerenv': '' }],
    ['lxc', { '/proc/1/environ': 'TERM=x\0container=lxc\0' }],
    ['systemd-nspawn', { '/run/systemd/container': 'systemd-nspawn\n' }],
    ['kubernetes', { '/proc/self/cgroup': '0::/kubepods/besteffort/pod1\n' }],
    ['openvz', { '/proc/vz/veinfo': '' }],
    ['vserver', { '/proc/self/status': 'VxID: 41639\n' }],
    [
      'kubernetes',
      {
        '/proc/self/mountinfo':
          '9 1 8:1 /var/lib/kubelet/pods/1/etc-hosts /etc/hosts rw - ext4 a rw',
      },
    ],
    [
      'containerd',
      {
        '/proc/self/mountinfo':
          '9 1 0:8 / / rw - overlay overlay lowerdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/5/fs',
      },
    ],
  ])('knows a %s container, and says of the machine what it is', async (container, files) => {
    const found = await read('virtualization', { '/proc/cpuinfo': metalCpu, ...files });
    expect(found).toMatchObject({ is_virtual: false, container });
  });

  it.each([
    '9 1 0:5 / /var/lib/kubelet/pods/1/volumes/kubernetes.io~projected/x rw - tmpfs tmpfs rw',
    '9 1 8:1 /var/lib/kubelet/pods/1/x /var/lib/kubelet/pods/1/volume-subpaths/x rw - ext4 a rw',
    '9 1 0:5 / /var/lib/docker/overlay2/h/merged rw - overlay overlay lowerdir=/io.containerd.snapshotter.v1/5',
  ])('takes no host for a container because of those that it runs: %s', async (mount) => {
    const mounts = `8 1 8:1 / / rw - ext4 /dev/sda1 rw\n${mount}\n`;
    const files = {
      '/proc/self/mountinfo': mounts,
      '/proc/self/cgroup': '0::/docker-gc.service\n',
    };
    expect((await read('virtualization', files)).container).toBeNull();
  });
});
