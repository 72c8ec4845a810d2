// Small machines: the smallest that the image runs on, and those that it cannot run on, which say why on their screen.
import { expect, it } from 'vitest';
import {
  BootServer,
  canBoot,
  directBoot,
  disk,
  nic,
  pxeNetwork,
  runsAll,
  startVm,
} from '../harness.ts';

/** Each kind of port and disk takes a driver of its own. */
const devices = [
  ...['virtio-net-pci', 'e1000', 'e1000e', 'vmxnet3'].flatMap((model, i) =>
    nic(model, `52:54:00:00:0b:1${i}`, `n${i}`),
  ),
  ...['-device', 'qemu-xhci,id=usb'],
  ...['virtio-blk-pci', 'nvme,serial=N', 'ide-hd', 'usb-storage,bus=usb.0'].flatMap((model, i) =>
    disk(model, `d${i}`),
  ),
];

it.skipIf(!canBoot)('a machine with four ports, four disks and 224 MiB checks in', async () => {
  const server = await BootServer.start();
  const args = ['-machine', 'q35', ...directBoot(server), ...devices];
  const vm = startVm(args, { memoryMiB: 224 });
  const { request } = await server.checkin(vm);
  expect(request['disks']).toHaveLength(4);
  expect(request['interfaces']).toHaveLength(4);
  // An emulated machine on a busy host may miss a deadline; other than that every disk was read, and found blank.
  const problems = [request['problems'] ?? []].flat();
  const late = { code: expect.stringMatching(/timeout$/) };
  for (const problem of problems) expect(problem).toMatchObject(late);
  const read = problems.length > 0 ? [] : [request['disks']].flat();
  for (const found of read) expect(found).toMatchObject({ contents: [] });
  await server.heartbeat(vm);
});

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
