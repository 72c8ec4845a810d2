// Networks that are late, partly connected, or set up by hand, and clocks that have stopped.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryDirectory } from '../../server/harness.ts';
import { imageRunning } from '../changed-image.ts';
import { BootServer, canBoot, directBoot, nic, runsAll, startVm } from '../harness.ts';
import { taggedPort } from '../tagged-port.ts';
import { freePort } from '../../../initramfs/machine/free-port.ts';

it.skipIf(!canBoot)(
  'with four NICs of which only the third is connected, in 192 MiB, it checks in',
  async () => {
    const server = await BootServer.start();
    const macs = [1, 2, 3, 4].map((n) => `52:54:00:00:01:0${n}`);
    const models = ['virtio-net-pci', 'e1000', 'vmxnet3', 'rtl8139'];
    const nics = macs.flatMap((mac, i) => nic(models[i] ?? '', mac, `n${i}`));
    const args = ['-S', '-machine', 'q35', ...directBoot(server, 'dragonfly.linkwait=5'), ...nics];
    const vm = startVm(args, { memoryMiB: 192 });
    for (const name of ['nic-n0', 'nic-n1', 'nic-n3'])
      await vm.ask('set_link', { name, up: false });
    await vm.ask('cont');
    const { request } = await server.checkin(vm);
    expect(request['mac']).toBe(macs[2]);
    expect(request['all_macs']).toEqual(macs);
  },
);

it.skipIf(!canBoot)(
  'with a link that comes late and a server that comes later, it checks in',
  async () => {
    const first = await BootServer.start();
    const port = await freePort();
    const mac = '52:54:00:00:01:10';
    const append = `BOOTIF=01-${mac.replaceAll(':', '-')} dragonfly.url=http://10.0.2.2:${port}`;
    const vm = startVm(['-S', ...directBoot(first, append), ...nic('virtio-net-pci', mac)]);
    await vm.ask('set_link', { name: 'nic-n0', up: false });
    await vm.ask('cont');
    await vm.waitFor(/modules loaded/, 120_000);
    expect(vm.console).not.toContain('asking for an address');
    await vm.ask('set_link', { name: 'nic-n0', up: true });
    await vm.waitFor(/eth0 is 10\.0\.2\.15\/24/, 60_000);
    await vm.waitFor(/agent started/, 60_000);
    const late = await BootServer.start({}, port);
    expect((await late.checkin(vm)).request['mac']).toBe(mac);
  },
);

it.skipIf(!runsAll)(
  'with a server behind the port whose link comes last, it checks in',
  async () => {
    const server = await BootServer.start();
    const [near, far] = ['52:54:00:00:01:18', '52:54:00:00:01:19'];
    const vm = startVm([
      ...['-S', ...directBoot(server), ...nic('virtio-net-pci', far, 'n1')],
      // Gives an address, and leads nowhere.
      ...['-netdev', 'user,id=n0,net=10.0.9.0/24,restrict=on'],
      ...['-device', `virtio-net-pci,netdev=n0,mac=${near},romfile=`],
    ]);
    await vm.ask('set_link', { name: 'nic-n1', up: false });
    await vm.ask('cont');
    await vm.waitFor(/10\.0\.9\.15\/24/, 120_000);
    await vm.waitFor(/agent started/, 60_000);
    await vm.ask('set_link', { name: 'nic-n1', up: true });
    const { request } = await server.checkin(vm);
    expect(request['all_macs']).toEqual([near, far]);
  },
);

it.skipIf(!canBoot)(
  'with a clock in the year 2000 it trusts the certificate of today',
  async () => {
    const folder = temporaryDirectory();
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-days', '2', '-subj', '/CN=dragonfly', '-addext', 'subjectAltName=IP:10.0.2.2'],
      ...['-keyout', key, '-out', cert],
    ]);
    const digest = execFileSync(
      'openssl',
      ['x509', '-in', cert, '-noout', '-fingerprint', '-sha256'],
      {
        encoding: 'utf8',
      },
    );
    const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
    const server = await BootServer.start({ tls });
    const now = Math.floor(Date.now() / 1000);
    const ca = digest.trim().replace(/.*=/, '').replaceAll(':', '').toLowerCase();
    const append = `dragonfly.time=${now} dragonfly.ca_sha256=${ca}`;
    const vm = startVm([
      ...['-rtc', 'base=2000-01-01T00:00:00', ...directBoot(server, append)],
      ...nic('virtio-net-pci', '52:54:00:00:01:20'),
    ]);
    const { answer } = await server.checkin(vm);
    expect(answer.is_new).toBe(true);
    expect(vm.console).toContain("set to the server's");
  },
);

it.skipIf(!runsAll)(
  'with a static address it sets up what it is told, and watches on',
  async () => {
    const server = await BootServer.start();
    // Its gateway is outside of its network, as some providers have it.
    const append = 'ip=10.0.2.77::10.0.2.2:255.255.255.255:told-so:eth0:none:10.0.2.3';
    const killer = `#!/bin/sh
until grep -qs 'checked in' /run/dragonfly/agent.log; do sleep 1; done
kill -KILL $(pidof mdev)
`;
    const vm = startVm([
      ...[...directBoot(server, append), '-initrd', imageRunning(killer)],
      ...nic('e1000e', '52:54:00:00:01:30'),
    ]);
    const { request } = await server.checkin(vm);
    expect(request).toMatchObject({
      ip_address: '10.0.2.77',
      hostname: 'told-so',
      nameservers: ['10.0.2.3'],
    });
    await vm.waitFor(/mdev has ended: it is started again/, 60_000);
  },
);

it.skipIf(!runsAll)('over a VLAN that is tagged at its port it checks in', async () => {
  const server = await BootServer.start();
  const mac = '52:54:00:00:01:35';
  const vm = startVm([...directBoot(server, 'vlan=100'), ...(await taggedPort(100, mac))]);
  const { request } = await server.checkin(vm);
  expect(request).toMatchObject({ mac, ip_address: '10.0.2.15' });
  expect(vm.console).toContain('VLAN 100 over eth0');
});

it.skipIf(!runsAll)('with a bond of two NICs it hashes their permanent addresses', async () => {
  const server = await BootServer.start();
  const [one, two] = ['52:54:00:00:01:40', '52:54:00:00:01:41'];
  const args = [...nic('virtio-net-pci', one, 'n0'), ...nic('virtio-net-pci', two, 'n1')];
  const vm = startVm([...directBoot(server, 'bond=bond0:eth0,eth1'), ...args]);
  const { request } = await server.checkin(vm);
  expect(request['all_macs']).toEqual([one, two]);
  expect(vm.console).toContain('bond0 is 10.0.2.15/24');
});

it.skipIf(!runsAll)('with parameters that make no sense it says so and boots on', async () => {
  const server = await BootServer.start();
  const junk =
    'dragonfly.linkwait=soon dragonfly.hostname="$(reboot)*" vlan=5000 bond=bond0:eth8,eth9 ip=nonsense ' +
    'BOOTIF=junk dragonfly.mac= dragonfly.shell= * ? [a] =x ;reboot `reboot` vlan=eth7.9:eth7';
  const mac = '52:54:00:00:01:50';
  const vm = startVm([...directBoot(server, junk), ...nic('virtio-net-pci', mac)]);
  const { request } = await server.checkin(vm);
  expect(request).toMatchObject({ mac, hostname: 'dragonfly', ip_address: '10.0.2.15' });
  for (const line of [
    'dragonfly.linkwait=soon is no number of seconds: using 60',
    "'$(reboot)*' is no host name: it stays dragonfly",
    'bond=bond0:eth8,eth9: none of its ports is there, so it is left out',
    "vlan=eth7.9:eth7: cannot be set up over 'eth7', so it is left out",
    'ip=nonsense is not understood: asking DHCP',
  ]) {
    expect(vm.console).toContain(line);
  }
});

it.skipIf(!runsAll)('a USB NIC that is plugged in after the boot brings the network', async () => {
  const server = await BootServer.start();
  const mac = '52:54:00:00:01:60';
  const append = `BOOTIF=01-${mac.replaceAll(':', '-')}`;
  const vm = startVm([
    ...['-machine', 'q35', ...directBoot(server, append), '-device', 'qemu-xhci'],
    // Its cable is in no switch.
    ...['-device', 'virtio-net-pci,id=dead,romfile='],
    ...['-netdev', 'user,id=late'],
  ]);
  await vm.waitFor(/modules loaded/, 120_000);
  await vm.ask('device_add', { driver: 'usb-net', netdev: 'late', id: 'usb', mac });
  const { request } = await server.checkin(vm);
  expect(request).toMatchObject({ ip_address: '10.0.2.15' });
  expect(vm.console).toMatch(/usb0 is 10\.0\.2\.15\/24/);
});
