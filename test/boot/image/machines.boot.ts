// Machines as QEMU can build them, each compared with what its command line says: network cards, disk
// controllers, topologies, firmware tables, management controllers. A case is a line of arguments and
// what the inventory has to say of it.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { Inventory } from '../../../src/model/inventory.ts';
import { reportingBoot } from '../changed-image.ts';
import { BootServer, disk, nic, runsAll, startVm } from '../harness.ts';

const gib = 1024 ** 3;

/** Boots a machine and gives its inventory, once it has also checked in with the same identity. */
async function inventoryOf(
  args: readonly string[],
  options: { memoryMiB?: number; uefi?: boolean } = {},
): Promise<Inventory> {
  const server = await BootServer.start();
  const image = await reportingBoot(server);
  const vm = startVm([...image.args, ...args], options);
  const [{ request }, inventory] = await Promise.all([server.checkin(vm), image.inventory]);
  await vm.stop();
  expect(request['identity_hash']).toBe(inventory.identity.identity_hash);
  // An emulated machine on a busy host may miss a deadline.
  expect(inventory.problems.filter((p) => p.code !== 'read.timeout')).toEqual([]);
  return inventory;
}

const mac = (n: number): string => `52:54:00:00:07:${n.toString(16).padStart(2, '0')}`;
const anyNic = nic('virtio-net-pci', mac(0xff), 'any');

/** Models of network cards and the drivers for them. */
const cards = [
  ['e1000', 'e1000'],
  ['e1000-82544gc', 'e1000'],
  ['e1000-82545em', 'e1000'],
  ['e1000e', 'e1000e'],
  ['rtl8139', '8139cp'],
  ['vmxnet3', 'vmxnet3'],
  ['pcnet', 'pcnet32'],
  ['ne2k_pci', 'ne2k-pci'],
  ['tulip', 'tulip'],
  ['i82550', 'e100'],
  ['i82559er', 'e100'],
  ['i82562', 'e100'],
  ['i82801', 'e100'],
  ['virtio-net-pci-transitional', 'virtio_net'],
  ['virtio-net-pci-non-transitional', 'virtio_net'],
  ['usb-net', 'cdc_ether'],
] as const;

it.skipIf(!runsAll)('network cards of all models', async () => {
  const models = execFileSync('qemu-system-x86_64', ['-device', 'help'], { encoding: 'utf8' });
  // Added since QEMU 7.
  const more = models.includes('"igb"') ? ([['igb', 'igb']] as const) : [];
  const all = [...cards, ...more];
  const args = all.flatMap(([model], i) => {
    const port = nic(model, mac(i), `n${i}`);
    return ['tulip', 'usb-net'].includes(model) ? port.map(withoutRom) : port;
  });
  const machine = ['-machine', 'q35', '-device', 'qemu-xhci'];
  const { identity, hardware } = await inventoryOf([...machine, ...args]);
  const found = hardware.network_interfaces?.map((port) => [port.mac, port.driver, port.is_usb]);
  const wanted = all.map(([model, driver], i) => [mac(i), driver, model === 'usb-net']);
  expect(new Set(found)).toEqual(new Set(wanted));
  const usb = all.findIndex(([model]) => model === 'usb-net');
  expect(identity.all_macs).toEqual(all.map((_, i) => mac(i)).filter((_, i) => i !== usb));
});

/** Disks by what they hang on: QEMU's arguments with the serial number and size in GiB to come, and how the
 *  inventory names the way to them. */
const disks: readonly (readonly [controller: string, device: string, transport: string])[] = [
  ['', 'virtio-blk-pci', 'virtio'],
  ['', 'virtio-blk-pci-transitional', 'virtio'],
  ['virtio-scsi-pci,id=vs', 'scsi-hd,bus=vs.0', 'virtio'],
  ['', 'nvme', 'nvme'],
  ['', 'ide-hd,bus=ide.0', 'sata'],
  ['ich9-ahci,id=ah', 'ide-hd,bus=ah.3', 'sata'],
  ['megasas,id=ms', 'scsi-hd,bus=ms.0', 'scsi'],
  ['megasas-gen2,id=mg', 'scsi-hd,bus=mg.0', 'scsi'],
  ['mptsas1068,id=mpt', 'scsi-hd,bus=mpt.0,wwn=0x5000c50000000001', 'sas'],
  ['pvscsi,id=pv', 'scsi-hd,bus=pv.0', 'scsi'],
  ['lsi53c895a,id=lsi', 'scsi-hd,bus=lsi.0', 'scsi'],
  ['am53c974,id=am', 'scsi-hd,bus=am.0', 'scsi'],
  ['qemu-xhci', 'usb-storage', 'usb'],
  ['usb-uas,id=uas', 'scsi-hd,bus=uas.0', 'usb'],
];

it.skipIf(!runsAll)('disks on all kinds of controller', async () => {
  const args = disks.flatMap(([controller, device], i) => [
    ...(controller === '' ? [] : ['-device', controller]),
    ...disk(`${device},serial=SN${i}`, `d${i}`, `${i + 1}G`),
  ]);
  const cd = [
    '-drive',
    'if=none,id=cd,media=cdrom,driver=null-co,size=1M',
    '-device',
    'ide-cd,drive=cd',
  ];
  const inventory = await inventoryOf(['-machine', 'q35', ...anyNic, ...args, ...cd]);
  const found = inventory.hardware.disks?.map((d) => [d.serial, d.size_bytes / gib, d.transport]);
  expect(new Set(found)).toEqual(
    new Set(disks.map(([, , transport], i) => [`SN${i}`, i + 1, transport])),
  );
});

it.skipIf(!runsAll)('namespaces, memory cards, plugged memory, IPMI on PCI', async () => {
  const drive = (id: string, size: string): string =>
    `if=none,id=${id},driver=null-co,size=${size},read-zeroes=on`;
  const { hardware } = await inventoryOf([
    ...['-machine', 'q35', ...anyNic, '-device', 'nvme,id=nv,serial=NV'],
    ...['-drive', drive('a', '3G'), '-device', 'nvme-ns,drive=a,bus=nv,nsid=1'],
    ...['-drive', drive('b', '4G'), '-device', 'nvme-ns,drive=b,bus=nv,nsid=7'],
    ...['-device', 'sdhci-pci', '-drive', drive('c', '2G'), '-device', 'sd-card,drive=c'],
    ...['-m', '512,slots=2,maxmem=2G', '-object', 'memory-backend-ram,id=m,size=256M'],
    ...['-device', 'pc-dimm,memdev=m'],
    ...['-device', 'ipmi-bmc-sim,id=bmc', '-device', 'pci-ipmi-kcs,bmc=bmc'],
  ]);
  expect(hardware.disks).toMatchObject([
    { device: '/dev/mmcblk0', size_bytes: 2 * gib, model: 'QEMU!', transport: 'sd' },
    { device: '/dev/nvme0n1', size_bytes: 3 * gib, serial: 'NV' },
    { device: '/dev/nvme0n2', size_bytes: 4 * gib, serial: 'NV' },
  ]);
  expect(hardware.memory_bytes).toBe(0.75 * gib);
  expect(hardware.bmc).toMatchObject({ is_present: true, interface_type: 'KCS' });
});

it.skipIf(!runsAll)('sockets, dies, threads, NUMA, absent processors, odd memory', async () => {
  const { hardware } = await inventoryOf([
    ...['-machine', 'q35', ...anyNic, '-cpu', 'Skylake-Server,-hle,-rtm', '-m', '700'],
    // Ten of sixteen threads are there: one socket of 8, and 2 of the other.
    ...['-smp', '10,sockets=2,dies=2,cores=2,threads=2,maxcpus=16'],
    ...[
      '-object',
      'memory-backend-ram,id=m0,size=400M',
      '-object',
      'memory-backend-ram,id=m1,size=300M',
    ],
    ...['-numa', 'node,nodeid=0,memdev=m0,cpus=0-7', '-numa', 'node,nodeid=1,memdev=m1,cpus=8-15'],
  ]);
  expect(hardware).toMatchObject({
    cpu_model: 'Intel Xeon Processor (Skylake)',
    cpu_sockets: 2,
    cpu_cores: 5,
    cpu_threads: 10,
    memory_bytes: 700 * 1024 ** 2,
  });
});

it.skipIf(!runsAll)('a server whose firmware says much, by UEFI', async () => {
  const long = 'Sixty-four characters are as many as SMBIOS 2 readers have to take';
  const tables = [
    'type=0,vendor=  American Megatrends  ,version=3.2 é,date=01/02/2023',
    `type=1,manufacturer=Supermicro ,product=${long},serial=To be filled by O.E.M.,uuid=4c4c4544-0051-3510-8052-b4c04f4a3132,family=`,
    'type=2,manufacturer=Supermicro,product=Not Specified,serial=0123456789,location=  ',
    'type=3,manufacturer=Supermicro,serial=Default string,asset=RACK-7 U12',
    'type=11,value=$(reboot),value=',
    'type=17,loc_pfx=DIMM,bank=P0,manufacturer=Samsung,serial=03A1B2C3,part=M393A4K40CB2-CTD,speed=2933',
  ];
  const { identity, hardware } = await inventoryOf(
    [...['-machine', 'q35', ...anyNic], ...tables.flatMap((values) => ['-smbios', values])],
    { uefi: true },
  );
  expect(identity.smbios_uuid).toBe('4c4c4544-0051-3510-8052-b4c04f4a3132');
  expect(hardware.system).toMatchObject({
    vendor: 'Supermicro',
    product: long,
    serial: null,
    asset_tag: 'RACK-7 U12',
  });
  expect(hardware.board).toMatchObject({ vendor: 'Supermicro', product: null, serial: null });
  expect(hardware.firmware).toMatchObject({ vendor: 'American Megatrends', date: '01/02/2023' });
  expect(hardware.boot).toMatchObject({ firmware_mode: 'uefi', secure_boot: false });
  expect(hardware.dimms).toMatchObject([
    { size_bytes: 0.5 * gib, manufacturer: 'Samsung', serial: '03A1B2C3', speed_mts: 2933 },
  ]);
});

it.skipIf(!runsAll)('a machine of virtio devices without PCI and SMBIOS', async () => {
  const { identity, hardware } = await inventoryOf([
    // Emulated, QEMU's plain processor has no timer there by which Debian's kernel gets on.
    ...['-machine', 'microvm,acpi=on', '-cpu', 'max'],
    ...nic('virtio-net-device', mac(1)).map(withoutRom),
    ...['-device', 'virtio-scsi-device,id=vs', ...disk('scsi-hd,bus=vs.0,serial=S1', 'd0', '1G')],
    ...disk('virtio-blk-device,serial=B1', 'd1', '2G'),
  ]);
  expect(identity).toMatchObject({ primary_mac: mac(1), smbios_uuid: null });
  expect(hardware.disks?.map((d) => d.serial)).toEqual(['S1', 'B1']);
  expect(hardware).toMatchObject({ is_virtual: true, virt_platform: 'qemu' });
});

it.skipIf(!runsAll)('a PC of the last century', async () => {
  const { hardware } = await inventoryOf([
    ...['-machine', 'pc', '-cpu', 'core2duo', ...nic('ne2k_pci', mac(1))],
    ...['-device', 'piix3-usb-uhci', ...disk('usb-storage,serial=U1,removable=on', 'd0', '1G')],
    ...disk('ide-hd,bus=ide.0,serial=QM1', 'd1', '2G'),
    ...disk('ide-hd,bus=ide.1,serial=QM2', 'd2', '3G'),
    ...['-drive', 'if=none,id=fd,driver=null-co,size=1474560', '-device', 'floppy,drive=fd'],
  ]);
  // The kernel looks at both cables at once, and the names follow from which is first.
  const bySerial = hardware.disks?.toSorted((a, b) =>
    (a.serial ?? '') < (b.serial ?? '') ? -1 : 1,
  );
  expect(bySerial).toMatchObject([
    { serial: 'QM1', size_bytes: 2 * gib, removable: false },
    { serial: 'QM2', size_bytes: 3 * gib, removable: false },
    { serial: 'U1', size_bytes: gib, removable: true, transport: 'usb' },
  ]);
  expect(hardware.boot?.firmware_mode).toBe('bios');
});

function withoutRom(arg: string): string {
  return arg.replace(',romfile=', '');
}
