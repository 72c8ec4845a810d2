// A machine made of nothing but its identifying values, each written in every place and spelling in
// which Linux writes it.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Marks {
  macs: readonly [string, string];
  uuid: string;
  machineId: string;
  systemSerial: string;
  boardSerial: string;
  dimmSerial: string;
  diskSerial: string;
  wwn: string;
  hostname: string;
  token: string;
  ipv4: string;
  ipv6: string;
  /** The addresses of this machine and of its server. */
  domain: string;
  server: string;
}

/** One such machine. */
export const exampleMarks: Marks = {
  macs: ['52:54:00:ab:cd:01', '52:54:00:ab:cd:02'],
  uuid: '4c4c4544-0051-3510-8052-b4c04f4a3132',
  machineId: '0123456789abcdef0123456789abcde0',
  systemSerial: 'CZ3AB12XYZ',
  boardSerial: 'B123456',
  dimmSerial: '8A31F2C4',
  diskSerial: 'S3Z2NB0K654321',
  wwn: '5002538e40a1b2c3',
  hostname: 'node17',
  token: 'hidden',
  ipv4: '203.0.113.77',
  ipv6: '2001:db8:4:7::1234',
  domain: 'dc2.example.net',
  server: 'boot.dc9.example.org',
};

/** Writes the files of a machine with these marks. */
export function writeMachine(top: string, marks: Marks): void {
  const [mac, second] = marks.macs;
  const put = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), content);
  };
  const link = (path: string, target: string): void => {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    symlinkSync(target, join(top, path));
  };
  put('etc/machine-id', `${marks.machineId}\n`);
  put('proc/sys/kernel/hostname', `${marks.hostname}\n`);
  put('proc/mounts', '/dev/sda1 / ext4 rw 0 0\n');
  // A UUID that every machine with UEFI has.
  const efi = 'sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
  put(efi, Uint8Array.of(6, 0, 0, 0, 1));
  put('proc/1/environ', `container=lxc\0SECRET_TOKEN=${marks.token}\0`);
  put(
    'proc/cmdline',
    `BOOTIF=01-${mac.replaceAll(':', '-')} dragonfly.token=${marks.token} ip=dhcp::::${marks.hostname} ` +
      `dragonfly.url=http://admin:${marks.token}@10.0.0.1/,https://${marks.server}/ ` +
      `nfsroot=${marks.ipv4}:/srv/${marks.hostname} dns=[${marks.ipv6}] root=UUID=${marks.uuid} ` +
      `rd.md.uuid=${arrayForm(marks.uuid)} rd.lvm.lv=${marks.hostname}-vg/root ` +
      `resume=/dev/mapper/${marks.hostname.replaceAll('-', '--')}--vg-swap cifspass=${marks.token} quiet\n`,
  );
  put('proc/net/ipv6_route', ipv6Route(mac));
  writeNetworkSetup(put, marks);
  put('proc/net/bonding/bond0', bonding(mac, second));
  for (const [i, address] of marks.macs.entries()) {
    const device = `/sys/devices/pci0000:00/0000:00:0${i + 3}.0`;
    put(`${device}/net/eth${i}/address`, `${address}\n`);
    put(`${device}/net/eth${i}/type`, '1\n');
    put(`${device}/net/eth${i}/uevent`, `INTERFACE=eth${i}\n`);
    link(`${device}/net/eth${i}/device`, `../../../0000:00:0${i + 3}.0`);
    link(`/sys/class/net/eth${i}`, `../../devices/pci0000:00/0000:00:0${i + 3}.0/net/eth${i}`);
  }
  const disk = '/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0';
  put(`${disk}/block/sda/size`, '1000215216\n');
  put(`${disk}/block/sda/dev`, '8:0\n');
  put(`${disk}/block/sda/removable`, '0\n');
  put(`${disk}/block/sda/ro`, '0\n');
  put(`${disk}/type`, '0\n');
  put(`${disk}/wwid`, `naa.${marks.wwn}\n`);
  put(`${disk}/vpd_pg80`, vpdSerial(marks.diskSerial));
  put(`${disk}/vpd_pg89`, ataIdentity(marks.diskSerial, 'ACME DISK 500GB'));
  put(`${disk}/model`, 'ACME DISK 500GB \n');
  link(`${disk}/block/sda/device`, '../../../0:0:0:0');
  link('/sys/block/sda', `../../sys${disk.slice(4)}/block/sda`);
  put(
    'run/udev/data/b8:0',
    [
      `S:disk/by-id/ata-ACME_DISK_500GB_${marks.diskSerial}`,
      `S:disk/by-id/wwn-0x${marks.wwn}`,
      'E:ID_MODEL_ENC=ACME\\x20DISK\\x20500GB',
      `E:ID_SERIAL=ACME_DISK_500GB_${marks.diskSerial}`,
      `E:ID_SERIAL_SHORT=${marks.diskSerial}`,
      `E:ID_WWN=0x${marks.wwn}`,
      `E:ID_PATH=pci-0000:05:00.0-fc-0x${marks.wwn}-lun-0`,
      '',
    ].join('\n'),
  );
  put(`${disk}/block/sda/sda1/dev`, '8:1\n');
  put(`${disk}/block/sda/sda1/size`, '4096\n');
  put(
    'run/udev/data/b8:1',
    `S:disk/by-label/${marks.hostname}-root\nE:ID_FS_TYPE=ext4\nE:ID_FS_LABEL=${marks.hostname}-root\n` +
      `E:ID_FS_UUID=${marks.uuid}\nE:ID_PART_ENTRY_NAME=${marks.hostname}\n`,
  );
  put(
    'proc/self/mountinfo',
    `36 35 8:1 / / rw - ext4 /dev/mapper/${marks.hostname}--vg-root rw\n` +
      `37 35 0:45 / /home rw - nfs4 ${marks.server}:/home rw,addr=${marks.ipv4}\n`,
  );
  put('sys/firmware/dmi/tables/smbios_entry_point', entryPoint);
  put('sys/firmware/dmi/tables/DMI', dmiTable(marks));
}

function writeNetworkSetup(put: (path: string, content: string) => void, marks: Marks): void {
  const { ipv4, ipv6, domain, server } = marks;
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
  const hex = (...bytes: number[]): string =>
    Buffer.from(bytes).toString('hex').toUpperCase().padStart(8, '0');
  // A network of 22 bits, and a second port in the one beside it.
  const network = [c & 0xfc, b, a];
  put(
    'proc/net/fib_trie',
    `Main:\n  +-- ${a}.${b}.${c & 0xfc}.0/22 2 0 2\n     |-- ${ipv4}\n        /32 host LOCAL\n` +
      `     |-- ${a}.${b}.${(c & 0xfc) ^ 4}.9\n        /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n`,
  );
  put(
    'proc/net/route',
    `Iface\tDestination\tGateway\n` +
      `eth0\t00000000\t${hex(1, ...network)}\t0003\t0\t0\t0\t00000000\n` +
      `eth0\t${hex(0, ...network)}\t00000000\t0001\t0\t0\t0\t00FCFFFF\n` +
      `eth1\t${hex(0, (c & 0xfc) ^ 4, b, a)}\t00000000\t0001\t0\t0\t0\t00FCFFFF\n` +
      `eth1\t${hex(d, c, b, a)}\t00000000\t0000\t0\t0\t0\tFFFFFFFF\n`,
  );
  put('proc/net/if_inet6', `${expanded(ipv6)} 02 40 00 80     eth0\n`);
  put(
    'etc/resolv.conf',
    `# by ${server}\nsearch ${domain}\nnameserver ${ipv4}\nnameserver ${ipv6}\n`,
  );
  put(
    'run/systemd/netif/leases/2',
    `ADDRESS=${ipv4}\nDOMAINNAME=${domain}\nOPTION_224=${Buffer.from(`https://${server}/`).toString('hex')}\n`,
  );
  put(
    'var/lib/dhcp/dhclient.leases',
    `lease {\n  fixed-address ${ipv4};\n  option domain-name "${domain}";\n  option dragonfly-url "http://${ipv4}:3000";\n}\n`,
  );
}

/** A UUID as mdadm writes it. */
function arrayForm(uuid: string): string {
  return uuid.replaceAll('-', '').replaceAll(/(.{8})(?=.)/g, '$1:');
}

/** "2001:db8:4:7::1234" in 32 digits; "::" stands for groups of zeros. */
function expanded(ipv6: string): string {
  const [head = '', tail = ''] = ipv6.split('::');
  const digits = (half: string): string =>
    half
      .split(':')
      .map((group) => group.padStart(4, '0'))
      .join('');
  return digits(head).padEnd(32 - digits(tail).length, '0') + digits(tail);
}

/** SMBIOS 3.2, of which only the version is looked at. */
const entryPoint = Buffer.from('5f534d335f0018030200010000040000000000000000000000', 'hex');

function dmiTable(marks: Marks): Uint8Array {
  const uuid = Buffer.from(marks.uuid.replaceAll('-', ''), 'hex');
  const stored = Buffer.from([3, 2, 1, 0, 5, 4, 7, 6, ...range(8, 16)].map((i) => uuid[i] ?? 0));
  const mac = Buffer.from(marks.macs[1].replaceAll(':', ''), 'hex');
  const memory = Buffer.alloc(0x28 - 4);
  memory.writeUInt16LE(16384, 0x0c - 4);
  memory.set([1, 2], 0x10 - 4);
  memory[0x12 - 4] = 0x1a;
  memory.set([3, 4, 5, 6], 0x17 - 4);
  return Buffer.concat([
    structure(0, Buffer.from([1, 2, 0, 0xf0, 3, 0]), ['ACME BIOS', '1.0', '01/02/2026']),
    structure(1, Buffer.concat([Buffer.from([1, 2, 3, 4]), stored, Buffer.from([6, 0, 0])]), [
      'ACME',
      'Server 1',
      'v1',
      marks.systemSerial,
    ]),
    structure(2, Buffer.from([1, 2, 3, 4, 5]), [
      'ACME',
      'Board 1',
      'r1',
      marks.boardSerial,
      'None',
    ]),
    structure(3, Buffer.from([1, 3, 0, 2, 3]), [
      'ACME',
      marks.systemSerial.toLowerCase(),
      'Default string',
    ]),
    structure(11, Buffer.from([2]), [
      `Tag ${marks.systemSerial}`,
      `LOM ${marks.macs[0].toUpperCase()}`,
    ]),
    structure(17, memory, ['DIMM A1', 'Bank 0', 'ACME', marks.dimmSerial, 'None', 'PN-1']),
    structure(209, Buffer.concat([Buffer.from([0, 1]), mac]), []),
    structure(127, Buffer.alloc(0), []),
  ]);
}

function structure(type: number, area: Uint8Array, strings: readonly string[]): Buffer {
  const header = Buffer.from([type, area.length + 4, type, 0]);
  const text = strings.map((s) => `${s}\0`).join('') || '\0';
  return Buffer.concat([header, area, Buffer.from(`${text}\0`, 'latin1')]);
}

function vpdSerial(serial: string): Buffer {
  const text = serial.padStart(20);
  return Buffer.concat([Buffer.from([0, 0x80, 0, text.length]), Buffer.from(text)]);
}

function ataIdentity(serial: string, model: string): Buffer {
  const page = Buffer.alloc(572, 0x20);
  page.set([0, 0x89, 2, 0x38]);
  const write = (word: number, text: string): void => {
    page.set(Buffer.from(text).swap16(), 60 + word * 2);
  };
  write(10, serial.padStart(20));
  write(27, model.padEnd(40));
  return page;
}

/** The interface's own address, made of its MAC: 52:54:00:00:00:01 → fe80::5054:ff:fe00:1. */
function ipv6Route(mac: string): string {
  const bytes = mac.split(':');
  const first = (parseInt(bytes[0] ?? '', 16) ^ 2).toString(16).padStart(2, '0');
  const id = [first, ...bytes.slice(1, 3), 'ff', 'fe', ...bytes.slice(3)].join('');
  const zero = '0'.repeat(32);
  const own = `fe80000000000000${id}`;
  return (
    `${zero} 00 ${zero} 00 fe80000000000000${id} 00000400 00000001 00000000 00450003     eth0\n` +
    `${own} 80 ${zero} 00 ${zero} 00000000 00000001 00000000 80200001     eth0\n`
  );
}

function bonding(first: string, second: string): string {
  const member = (i: number, mac: string): string =>
    `Slave Interface: eth${i}\nMII Status: up\nPermanent HW addr: ${mac}\n`;
  return `Bonding Mode: 802.3ad\n\n${member(0, first)}\n${member(1, second)}`;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
