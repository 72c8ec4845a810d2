// Machines that the image cannot run on: they say why on their screen.
import { expect, it } from 'vitest';
import { BootServer, directBoot, nic, pxeNetwork, runsAll, startVm } from '../harness.ts';

it.skipIf(!runsAll)('a processor of 32 bits loads no kernel, and says why', async () => {
  const server = await BootServer.start();
  const network = pxeNetwork(server.guestUrl, 'virtio-net-pci,mac=52:54:00:00:0b:01');
  // The BIOS and iPXE write to the serial line as well.
  const screen = ['-device', 'sga'];
  const vm = startVm(['-machine', 'pc', '-cpu', 'qemu32', ...network, ...screen]);
  await vm.waitFor(/This processor has 32 bits/, 120_000);
  expect(vm.console).not.toContain('Linux version');
});

it.skipIf(!runsAll)('a machine with too little memory says so', async () => {
  const server = await BootServer.start();
  const args = [...directBoot(server), ...nic('virtio-net-pci', '52:54:00:00:0b:02')];
  const vm = startVm(args, { memoryMiB: 96 });
  const says =
    /.*(?:has little memory|Is there enough memory|deadlocked on memory|Out of memory).*/;
  const [said] = await vm.waitFor(says, 120_000);
  console.log(said.trim());
  expect(vm.console).not.toContain('INFO checked in');
});
