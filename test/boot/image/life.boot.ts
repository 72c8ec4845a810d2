// The image while it runs: its screens, its network as cables move, and the agent as it hangs.
import { expect, it } from 'vitest';
import type { Template } from '../../../src/model/documents/template.ts';
import { temporaryDirectory } from '../../server/harness.ts';
import { imageRunning } from '../changed-image.ts';
import {
  BootServer,
  canBoot,
  directBoot,
  handOver,
  nic,
  runsAll,
  startVm,
  type Checkin,
} from '../harness.ts';
import { installedDisk } from '../installed-disk.ts';
import { Installer } from '../installer.ts';

/** Prints the text of the first screen on the serial console, between two marks, once it shows a registered machine, or
 *  after a minute. */
const photographer = `#!/bin/sh
until grep -q 'checked in' /run/dragonfly/agent.log; do sleep 1; done
shows() { grep -q 'registered; nothing to do' /dev/vcs1 && grep -q 'eth0 [0-9a-f:]* link' /dev/vcs1; }
tries=0
until shows || [ $tries -ge 60 ]; do tries=$((tries + 1)); sleep 1; done
echo '<<<' > /dev/console
fold -w 80 /dev/vcs1 > /dev/console
echo '>>>' > /dev/console
`;

it.skipIf(!canBoot)(
  'the first screen shows the machine, and its log reaches the server',
  async () => {
    const server = await BootServer.start();
    const image = imageRunning(photographer);
    const vm = startVm([
      ...[...directBoot(server), '-initrd', image, '-vga', 'std'],
      ...['-smbios', 'type=1,manufacturer=Example,product=Server 7,serial=SN4711'],
      ...nic('virtio-net-pci', '52:54:00:00:09:01'),
    ]);
    const { answer } = await server.checkin(vm);
    const [, screen = ''] = await vm.waitFor(/<<<([^]*)>>>/, 120_000);
    for (const text of [
      answer.memorable_name,
      'Example Server 7, serial SN4711',
      /eth0 52:54:00:00:09:01 link/,
      /Address +10\.0\.2\.15/,
      server.guestUrl,
      'registered; nothing to do',
      'Alt+F2 opens a shell',
    ]) {
      expect(screen).toMatch(text);
    }
    const log = async (): Promise<string> => {
      const lines = await server.logs(answer.machine_id);
      return lines.map(({ source, text }) => `${source} ${text}`).join('\n');
    };
    await expect
      .poll(log, { timeout: 60_000 })
      .toMatch(/boot image [^]*boot eth0 is 10\.0\.2\.15\/24[^]*agent checked in/);
  },
);

it.skipIf(!canBoot)('randomness is gathered before a program wants it', async () => {
  // Nobody is left who would ask for any: no agent, and no port with its clients.
  const idle = { 'lib/dragonfly/supervise': '#!/bin/sh\nexec sleep 1000\n' };
  const image = imageRunning('#!/bin/sh\n', idle);
  const vm = startVm([...handOver('ignore_loglevel'), '-initrd', image]);
  await expect(vm.waitFor(/random: crng init done/, 120_000)).resolves.toBeDefined();
});

it.skipIf(!canBoot)('a cable that moves to another port is followed', async () => {
  const server = await BootServer.start();
  const [first, second] = ['52:54:00:00:09:11', '52:54:00:00:09:12'];
  const append = `dragonfly.url=${server.guestUrl},${server.guestUrl.replace('10.0.2.2', '10.0.9.2')}`;
  const vm = startVm([
    ...[
      '-S',
      '-machine',
      'q35',
      ...directBoot(server, `BOOTIF=01-${first.replaceAll(':', '-')} ${append}`),
    ],
    ...nic('virtio-net-pci', first, 'n0'),
    ...['-netdev', 'user,id=n1,net=10.0.9.0/24'],
    ...['-device', `e1000e,netdev=n1,id=nic-n1,mac=${second},romfile=`],
  ]);
  await vm.ask('set_link', { name: 'nic-n1', up: false });
  await vm.ask('cont');
  const { answer, request } = await server.checkin(vm);
  expect(request['ip_address']).toBe('10.0.2.15');
  const movedMs = performance.now();
  await vm.ask('set_link', { name: 'nic-n0', up: false });
  await vm.ask('set_link', { name: 'nic-n1', up: true });
  const moved = await server.checkin(vm);
  const seconds = (performance.now() - movedMs) / 1000;
  expect(moved.request['ip_address']).toBe('10.0.9.15');
  expect(moved.answer.machine_id).toBe(answer.machine_id);
  expect(vm.console).toMatch(/eth\d has lost its link/);
  console.log(`followed in ${seconds.toFixed(1)} s`);
});

it.skipIf(!runsAll)(
  'an agent that hangs is ended, a machine that hangs is reset, the power button shuts down',
  async () => {
    const server = await BootServer.start();
    // Stops the agent, and when another one has checked in the script that watches over it.
    const stopper = `#!/bin/sh
. /lib/dragonfly/functions
until [ -e $run/watchdog-armed ] && grep -qs 'checked in' $run/agent.log; do sleep 1; done
kill -STOP $(cat $run/agent-pid)
until [ "$(grep -c 'checked in' $run/agent.log)" -ge 2 ]; do sleep 1; done
kill -STOP $(cat $run/watchdog-pid)
`;
    const image = imageRunning(stopper);
    const vm = startVm([
      ...[...directBoot(server, 'dragonfly.hang=15'), '-initrd', image],
      ...['-device', 'i6300esb', '-action', 'watchdog=reset'],
      ...nic('virtio-net-pci', '52:54:00:00:09:21'),
    ]);
    const { request: before } = await server.checkin(vm);
    await vm.waitFor(/watchdog armed: i6300ESB/, 60_000);
    await vm.waitFor(/the agent has not stirred for \d+ s: it is ended/, 60_000);
    const again = await server.checkin(vm);
    expect(again.request['boot_id']).toBe(before['boot_id']);
    // The machine starts anew, by the hardware's own reset.
    const reset = await server.checkin(vm);
    expect(reset.request['boot_id']).not.toBe(before['boot_id']);
    expect(reset.answer.machine_id).toBe(again.answer.machine_id);
    const from = vm.console.lastIndexOf('Linux version');
    await vm.waitFor(/watchdog armed: i6300ESB/, 60_000, from);
    await vm.ask('system_powerdown');
    await vm.waitFor(/the power button was pressed[^]*watchdog disarmed/, 60_000, from);
    await vm.ended;
  },
);

const restart: Template = {
  apiVersion: 'dragonfly.computer/v1',
  kind: 'Template',
  metadata: { name: 'restart' },
  spec: { timeout: 600, actions: [{ action: 'reboot' }] },
};

it.skipIf(!runsAll)(
  'a machine that a workflow restarts, or that goes to its own system, leaves with its watchdog disarmed',
  async () => {
    const { boots: server, client } = await Installer.start(temporaryDirectory());
    const hold = 'boot.hold';
    await client.settings.put(hold, 'true');
    const vm = startVm([
      ...[...directBoot(server), '-device', 'i6300esb', '-action', 'watchdog=pause'],
      ...['-drive', `if=none,id=os,format=raw,file=${installedDisk()}`],
      ...['-device', 'virtio-blk-pci,drive=os', ...nic('virtio-net-pci', '52:54:00:00:09:41')],
    ]);
    const { machine_id: id } = (await server.checkin(vm)).answer;
    /** Gives the console from the watchdog to the next boot, once `order` has led there. */
    const leaving = async (from: number, order: () => Promise<unknown>): Promise<string> => {
      await vm.waitFor(/watchdog armed/, 60_000, from);
      await order();
      const [shown] = await vm.waitFor(/watchdog armed[^]*?Linux version/, 120_000, from);
      return shown;
    };
    await client.templates.put(restart);
    const restarted = await leaving(0, () =>
      client.workflows.create({ machine_id: id, template: restart.metadata.name }),
    );
    expect(restarted).toContain('watchdog disarmed');

    const from = vm.console.length;
    await server.checkin(vm);
    expect(await leaving(from, () => client.settings.delete(hold))).toContain('watchdog disarmed');
  },
);

it.skipIf(!runsAll)(
  'a disk and a port that are plugged in are told, what is killed comes back, and a second agent is refused',
  async () => {
    const server = await BootServer.start();
    const byHand = `#!/bin/sh
. /lib/dragonfly/functions
until grep -qs 'checked in' $run/agent.log; do sleep 1; done
dragonfly-agent run --once > /tmp/said 2>&1
echo "by hand: $? $(cat /tmp/said)" > /dev/console
dragonfly-agent identify > /dev/null
echo "identify: $?" > /dev/console
score() { cat /proc/$1/oom_score_adj; }
watcher() { ps | awk '/\\/watch-ports$/ { print $1; exit }'; }
echo "scores: $(score $(cat $run/agent-pid)) $(score $(cat $run/udhcpc-eth0.pid))" > /dev/console
former=$(watcher)
kill -KILL $former
until [ -n "$(watcher)" ] && [ "$(watcher)" != $former ]; do sleep 1; done
former=$(cat $run/dhcpcd-eth0.pid)
kill -KILL $former $(pidof mdev)
until grep -q 'mdev has ended' $run/boot.log && grep -q 'dhcpcd of eth0 has ended' $run/boot.log; do sleep 1; done
sleep 3
[ -d /proc/$(cat $run/dhcpcd-eth0.pid) ] && pidof mdev && echo 'all are there again' > /dev/console
`;
    const [first, second] = ['52:54:00:00:09:31', '52:54:00:00:09:32'];
    const vm = startVm([
      ...[...directBoot(server), '-initrd', imageRunning(byHand)],
      ...nic('virtio-net-pci', first),
      ...['-drive', 'if=none,id=late,driver=null-co,size=1G,read-zeroes=on'],
      ...['-netdev', 'user,id=n1'],
    ]);
    const { answer } = await server.checkin(vm);
    const said = await vm.waitFor(
      /by hand: (\d+)[^]*identify: 0[^]*scores: (\S+) (\S+)\s[^]*all are there again/,
      240_000,
    );
    expect(said.slice(1)).toEqual(['2', '-900', '-900']);
    expect(said[0]).toMatch(/another agent runs on this host .*\[agent\.running\]/);

    const until = async (done: (request: Checkin['request']) => boolean): Promise<string> => {
      const startMs = performance.now();
      for (;;) {
        const { request, answer: now } = await server.checkin(vm);
        expect(now.machine_id).toBe(answer.machine_id);
        if (done(request)) return ((performance.now() - startMs) / 1000).toFixed(1);
      }
    };
    await vm.ask('device_add', { driver: 'virtio-blk-pci', drive: 'late', serial: 'LATE' });
    const disk = await until((request) => JSON.stringify(request['disks']).includes('LATE'));
    await vm.ask('device_add', { driver: 'virtio-net-pci', netdev: 'n1', mac: second });
    const port = await until((request) => JSON.stringify(request['all_macs']).includes(second));
    console.log(`a disk was told in ${disk} s, a port in ${port} s`);
  },
);
