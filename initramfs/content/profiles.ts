// The kernel modules of each profile of the image, named by folder or file.
import type { Arch } from '../arch.ts';

export const profiles = ['virt', 'server'] as const;
export type Profile = (typeof profiles)[number];

/** Both profiles: what the image itself, its network set-up and the search for installed systems
 *  take, and keyboards for the rescue shell. A name that ends in "/" is a folder with all below it. */
const base = [
  'drivers/block/loop',
  'fs/squashfs/squashfs',
  'drivers/net/bonding/',
  'net/8021q/8021q',
  'drivers/scsi/sd_mod',
  'drivers/scsi/sr_mod',
  'drivers/ata/ahci',
  'drivers/nvme/host/nvme',
  'drivers/usb/host/',
  'drivers/usb/storage/usb-storage',
  'drivers/usb/storage/uas',
  'drivers/hid/usbhid/usbhid',
  'drivers/hid/hid-generic',
  'drivers/input/serio/',
  'drivers/input/keyboard/atkbd',
  // The SMBUS and IPMI interfaces over which a host knows its management controller.
  'drivers/char/ipmi/ipmi_si',
  'drivers/char/ipmi/ipmi_devintf',
  'drivers/char/ipmi/ipmi_ssif',
  // The power button.
  'drivers/acpi/button',
  'drivers/input/evdev',
  // Reading installed systems.
  'fs/ext4/ext4',
  'fs/xfs/xfs',
  'fs/btrfs/btrfs',
  'fs/fat/vfat',
  'fs/nls/nls_ascii',
  'fs/nls/nls_cp437',
  'fs/nls/nls_iso8859-1',
  'fs/efivarfs/efivarfs',
  'drivers/md/dm-mod',
  'drivers/md/raid1',
  'arch/x86/crypto/crc32c-intel',
  'crypto/crc32c_generic',
  // The hypervisor's signature, see src/probes.
  'arch/x86/kernel/cpuid',
] as const;

const hypervisors = [
  'drivers/virtio/virtio_pci',
  'drivers/virtio/virtio_mmio',
  'drivers/net/virtio_net',
  'drivers/block/virtio_blk',
  'drivers/scsi/virtio_scsi',
  'drivers/char/hw_random/virtio-rng',
  'drivers/net/vmxnet3/vmxnet3',
  'drivers/scsi/vmw_pvscsi',
  'drivers/hv/hv_vmbus',
  'drivers/hv/hv_utils',
  'drivers/net/hyperv/hv_netvsc',
  'drivers/scsi/hv_storvsc',
  'drivers/hid/hid-hyperv',
  'drivers/input/serio/hyperv-keyboard',
  'drivers/pci/controller/pci-hyperv',
  'drivers/net/xen-netfront',
  'drivers/block/xen-blkfront',
  'drivers/scsi/xen-scsifront',
  'drivers/firmware/qemu_fw_cfg',
  // Emulated hardware.
  'drivers/net/ethernet/intel/e1000/e1000',
  'drivers/net/ethernet/intel/e1000e/e1000e',
  'drivers/net/ethernet/intel/igb/igb',
  'drivers/net/ethernet/realtek/8139cp',
  'drivers/net/ethernet/realtek/8139too',
  'drivers/net/ethernet/amd/pcnet32',
  'drivers/net/ethernet/8390/ne2k-pci',
  'drivers/net/ethernet/intel/e100',
  'drivers/net/ethernet/dec/tulip/tulip',
  'drivers/net/usb/cdc_ether',
  'drivers/net/usb/rndis_host',
  'drivers/ata/ata_piix',
  'drivers/ata/ata_generic',
  'drivers/message/fusion/mptspi',
  'drivers/message/fusion/mptsas',
  'drivers/scsi/sym53c8xx_2/sym53c8xx',
  'drivers/scsi/am53c974',
  'drivers/scsi/megaraid/megaraid_sas',
  'drivers/watchdog/i6300esb',
  'drivers/virtio/virtio_mem',
  'drivers/mmc/host/sdhci-pci',
  'drivers/mmc/core/mmc_block',
  // Functions of real NICs and disks that clouds pass through.
  'drivers/net/ethernet/amazon/ena/ena',
  'drivers/net/ethernet/google/gve/gve',
  'drivers/net/ethernet/microsoft/mana/mana',
  'drivers/net/ethernet/intel/ixgbevf/ixgbevf',
  'drivers/net/ethernet/intel/iavf/iavf',
  'drivers/net/ethernet/intel/igbvf/igbvf',
] as const;

/** Watchdogs, SMBus and WMI of PC chipsets. */
const chipsetsOfX64 = [
  'drivers/platform/x86/wmi',
  'drivers/watchdog/iTCO_wdt',
  'drivers/watchdog/sp5100_tco',
  'drivers/watchdog/hpwdt',
  'drivers/i2c/busses/i2c-i801',
  'drivers/mfd/lpc_ich',
] as const;

/** Every Ethernet driver, and what disks hang on. */
const hardware = [
  'drivers/net/ethernet/',
  'drivers/net/fjes/',
  'drivers/net/phy/',
  'drivers/net/mdio/',
  'drivers/net/pcs/',
  'drivers/net/usb/',
  'drivers/net/vmxnet3/',
  'drivers/net/thunderbolt-net',
  'drivers/thunderbolt/',
  'drivers/ata/',
  'drivers/scsi/',
  'drivers/message/fusion/',
  'drivers/nvme/host/',
  'drivers/block/mtip32xx/',
  'drivers/block/virtio_blk',
  'drivers/pci/controller/',
  'drivers/usb/storage/',
  'drivers/mmc/',
  'drivers/md/',
  'drivers/hid/hid-lenovo',
  ...chipsetsOfX64,
  // Disks that are memory.
  'drivers/acpi/nfit/nfit',
  'drivers/nvdimm/',
  'drivers/infiniband/hw/mlx4/',
  'drivers/infiniband/hw/mlx5/',
  'drivers/infiniband/ulp/ipoib/',
] as const;

/** Inside the folders above, but no use for finding out what a machine is. cdc_subset takes gadgets away
 *  from cdc_ether, and makes up a MAC address for them at each boot. */
const neverNeeded = [
  /^drivers\/scsi\/(?:scsi_debug|osst|st|ch|ses|iscsi_tcp|libiscsi_tcp|cxgbi\/|bnx2i\/|qedi\/|pcmcia\/|qla2xxx\/tcm_)/,
  /^drivers\/net\/usb\/(?:hso|sierra_net|cdc-phonet|cdc_subset|kalmia|ipheth|qmi_wwan|huawei_cdc_ncm|cdc_mbim|lg-vl600|int51x1|rndis_wlan)/,
  /^drivers\/md\/(?:bcache\/|persistent-data\/|md-cluster|dm-(?:cache|era|thin|writecache|log-writes|flakey|dust|delay|verity|integrity|crypt|clone|zoned|unstripe|switch|historical|service|round|queue|io-affinity|mirror|region|snapshot|bufio|bio))/,
  /^drivers\/ata\/(?:pata_pcmcia)/,
  /^drivers\/usb\/host\/(?:sl811_cs|u132|isp)/,
  /^drivers\/mmc\/(?:host\/(?:vub300|ushc|tifm)|core\/sdio_uart)/,
];

/** True if a profile asks for a module, by its path below lib/modules/<version>/kernel without its
 *  suffix. The modules that it depends on come along by themselves. */
export function wants(profile: Profile, module: string): boolean {
  const names: readonly string[] = [
    ...base,
    ...hypervisors,
    ...(profile === 'server' ? hardware : []),
  ];
  if (neverNeeded.some((pattern) => pattern.test(module))) return false;
  return names.some((name) => (name.endsWith('/') ? module.startsWith(name) : module === name));
}

/** Names that Debian's kernel for arm64 has nothing for. */
const onlyX64: ReadonlySet<string> = new Set([
  'arch/x86/crypto/crc32c-intel',
  'arch/x86/kernel/cpuid',
  'drivers/scsi/vmw_pvscsi',
  'drivers/scsi/am53c974',
  'drivers/net/fjes/',
  'drivers/net/thunderbolt-net',
  'drivers/thunderbolt/',
  ...chipsetsOfX64,
]);

/** Names that this kernel has no module for, which would mean that a profile is out of date. */
export function unknownNames(
  arch: Arch,
  modules: readonly string[],
  builtin: readonly string[],
): string[] {
  const all = [...modules, ...builtin];
  return [...base, ...hypervisors, ...hardware]
    .filter((name) => arch === 'x64' || !onlyX64.has(name))
    .filter((name) => !all.some((m) => (name.endsWith('/') ? m.startsWith(name) : m === name)));
}
