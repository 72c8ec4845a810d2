// The remote shell of the netboot image: opened by a setting, for its keys alone, and shut with all its sessions.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import type { Vm } from '../../../initramfs/machine/qemu.ts';
import { isMissing } from '../../../initramfs/tools.ts';
import { temporaryDirectory } from '../../server/harness.ts';
import { imageRunning, ownFile } from '../changed-image.ts';
import { BootServer, directBoot, runsAll, startVm } from '../harness.ts';
import { freePort } from '../../../initramfs/machine/free-port.ts';

const run = promisify(execFile);
const script = 'lib/dragonfly/remote-shell';

/** In a boot where the mount of the groups outlived their making, ends an opening when its SSH server has not begun, and
 *  tells what is left of that once the shell was shut. */
const hurried = `#!/bin/sh
mkdir -p /run/dragonfly/cgroup
mount -t cgroup2 none /run/dragonfly/cgroup
until grep -q 'remote shell shut' /run/dragonfly/boot.log; do sleep 1; done
shell=/${script}
serving() { cat /proc/[0-9]*/cmdline 2> /dev/null | tr '\\0' ' ' | grep -q 'remote-shel[l] serve'; }
echo none | $shell open &
until serving; do usleep 10000; done
kill -KILL $!
$shell shut
sleep 3
serving && left='a server' || left=nothing
echo "LEFT $left" > /dev/console
`;

/** In place of the image's own program, that somebody called it. */
const reboot = '#!/bin/sh\necho "THE REBOOT of the image" | tee /dev/console\n';

/** The image with a slow start of the SSH server, and a reboot that only says so. */
function image(): string {
  const own = ownFile(script);
  const slow = own.replace('\nserve() {\n', '\nserve() {\n  usleep 2000000\n');
  expect(slow).not.toBe(own);
  return imageRunning(hurried, { [script]: slow, 'bin/reboot': reboot });
}

/** Gives the first words of a service; "" where there is none: QEMU takes the connection and ends it. */
function greeting(port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(port, '127.0.0.1');
  socket.on('data', (bytes) => {
    resolve(bytes.toString());
    socket.destroy();
  });
  socket.on('close', () => resolve(''));
  socket.on('error', () => resolve(''));
  return promise;
}

it.skipIf(!runsAll || isMissing('ssh'))(
  'a setting lets its keys log in to the host key that the record has, and nobody else, until it is gone',
  async () => {
    const server = await BootServer.start();
    const folder = temporaryDirectory();
    const [own, others] = [join(folder, 'own'), join(folder, 'others')];
    for (const file of [own, others]) {
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    }
    const port = await freePort();
    const vm = startVm([
      ...directBoot(server),
      ...['-initrd', image(), '-vga', 'std'],
      ...['-netdev', `user,id=n0,hostfwd=tcp:127.0.0.1:${port}-:22`],
      ...['-device', 'virtio-net-pci,netdev=n0,mac=52:54:00:00:22:01,romfile='],
    ]);
    const { machine_id: id } = (await server.checkin(vm)).answer;
    expect(await greeting(port)).toBe('');

    const setting = `${server.url}/api/settings/boot.ssh_keys.machine.${id}`;
    const { stdout: publicKey } = await run('cat', [`${own}.pub`]);
    const set = await fetch(setting, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ value: publicKey }),
    });
    expect(set.status).toBe(201);
    const shell = async () => (await server.machine(id)).report?.remote_shell;
    await expect.poll(shell, { timeout: 180_000, interval: 500 }).toMatchObject({ port: 22 });
    expect(await greeting(port)).toMatch(/^SSH-2\.0-dropbear/);

    const knownHosts = join(folder, 'known_hosts');
    writeFileSync(knownHosts, `[127.0.0.1]:${port} ${(await shell())?.host_key}\n`);
    const options = (key: string): string[] => [
      ...['-F', '/dev/null', '-i', key, '-p', String(port)],
      ...['BatchMode=yes', 'StrictHostKeyChecking=yes', 'IdentitiesOnly=yes'].flatMap(asOption),
      ...asOption(`UserKnownHostsFile=${knownHosts}`),
      ...['root@127.0.0.1'],
    ];
    const { stdout } = await run('ssh', [...options(own), 'id']);
    expect(stdout).toContain('uid=0(root)');
    // Not busybox's own, which waits for every disk.
    expect((await run('ssh', [...options(own), 'reboot'])).stdout).toContain('THE REBOOT');
    const typed = spawn('ssh', ['-tt', ...options(own)], { stdio: 'pipe' });
    typed.stdin.write('reboot; exit\n');
    expect(await textOf(typed.stdout)).toContain('THE REBOOT');
    const from = vm.console.length;
    await typeOnSecondConsole(vm, 'reboot');
    await vm.waitFor(/THE REBOOT/, 60_000, from);
    await expect(run('ssh', [...options(others), 'id'])).rejects.toThrow(
      'Permission denied (publickey)',
    );
    const log = async () => (await server.logs(id)).map(({ text }) => text).join('\n');
    await expect.poll(log, { timeout: 60_000 }).toMatch(/ssh: .*Pubkey auth succeeded for 'root'/);

    // It leaves its session, and says nothing of where it came from.
    const stray = 'while :; do echo stray > /dev/console; usleep 50000; done';
    const leftBehind = `env -i setsid sh -c '${stray}' & echo in; sleep 1000`;
    const session = spawn('ssh', [...options(own), leftBehind], { stdio: 'pipe' });
    onTestFinished(() => void session.kill());
    await once(session.stdout, 'data');
    const ended = once(session, 'exit');
    await fetch(setting, { method: 'DELETE' });
    await ended;
    await expect.poll(() => greeting(port), { timeout: 60_000 }).toBe('');
    await expect.poll(shell, { timeout: 60_000 }).toBeUndefined();
    expect(vm.console).toMatch(/remote shell open on port 22[^]*stray[^]*remote shell shut/);
    expect(vm.console.split('remote shell shut')[1]).not.toContain('stray');
    await vm.waitFor(/LEFT nothing/, 60_000);
  },
);

/** Opens the rescue shell, and types a line there. */
async function typeOnSecondConsole(vm: Vm, line: string): Promise<void> {
  const press = async (...keys: string[]): Promise<void> => {
    await vm.ask('send-key', { keys: keys.map((data) => ({ type: 'qcode', data })) });
    await sleep(500);
  };
  await press('alt', 'f2');
  await press('ret');
  await sleep(3000);
  for (const key of line) await press(key);
  await press('ret');
}

function asOption(option: string): string[] {
  return ['-o', option];
}
