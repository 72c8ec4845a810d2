// Power cuts of a machine that installs nothing: while it loads, looks for its network, checks in, or fetches tools.
import { expect, it } from 'vitest';
import { BootServer, pxeNetwork, runsAll, startVm } from '../harness.ts';
import { wayTo } from './bad-way.ts';

it.skipIf(!runsAll)(
  'a machine that is reset at each step of its boot registers once, and stays itself (6 min)',
  async () => {
    const server = await BootServer.start();
    const { port, asked } = await wayTo(server, () => false);
    const network = pxeNetwork(`http://10.0.2.2:${port}`, 'virtio-net-pci,mac=52:54:00:00:0e:01');
    const vm = startVm(['-machine', 'q35', ...network]);
    const machines = async () => {
      const answer = await fetch(`${server.url}/api/machines`);
      const list: unknown = await answer.json();
      return Object(list).machines as readonly { readonly id: string }[];
    };
    const asksFor = (name: string) =>
      expect.poll(() => asked.some((path) => path.endsWith(name)), { timeout: 120_000 }).toBe(true);
    for (const name of ['/kernel', '/initramfs']) {
      asked.length = 0;
      await asksFor(name);
      await vm.ask('system_reset');
    }
    const steps = ['image', '\\d+ modules loaded', 'eth0 has a link', 'eth0 is'];
    for (const step of [...steps.map((text) => `dragonfly: ${text}`), 'agent started']) {
      await vm.waitFor(new RegExp(step), 180_000, vm.console.length);
      await vm.ask('system_reset');
    }
    await vm.waitFor(/checked in/, 180_000, vm.console.length);
    const [machine, ...others] = await machines();
    expect(others).toEqual([]);

    // The keys of a remote shell have it fetch the tools image.
    const value = `ssh-ed25519 ${Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0 '.padEnd(51, 'k')).toString('base64')}`;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ value });
    const put = { method: 'PUT', headers, body };
    const { status } = await fetch(`${server.url}/api/settings/boot.ssh_keys`, put);
    expect(status).toBe(201);
    await asksFor('/tools');
    await vm.ask('system_reset');
    await vm.waitFor(/remote shell open/, 240_000, vm.console.length);
    expect(await machines()).toMatchObject([{ id: machine?.id }]);
  },
);
