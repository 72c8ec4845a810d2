// `npm run provision`: installs Debian on a blank virtual machine over PXE, from a local server, until the
// installed system reports. It is the third command a newcomer runs, asks nothing, and leaves nothing
// behind but the images in dist/boot and .cache.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../src/client/client.ts';
import { parse } from 'yaml';
import { command } from '../src/cli/command.ts';
import { planText } from '../src/cli/operator/machines/provision.ts';
import { readExample } from '../src/cli/server/examples.ts';
import { systemClock } from '../src/core/clock.ts';
import type { Template } from '../src/model/documents/template.ts';
import type { Workflow } from '../src/model/documents/workflow.ts';
import { createApp } from '../src/server/app.ts';
import { ImageFolder } from '../src/store/images/folder.ts';
import { openStore } from '../src/store/open.ts';
import { architectures } from './arch.ts';
import { runProgram } from './command-line.ts';
import { ensureDebianImage } from './debian/disk-image.ts';
import { ensureImage } from './ensure-image.ts';
import { anyRom, fromNetwork } from './machine/pxe.ts';
import { chooseAccelerator, Vm } from './machine/qemu.ts';
import { requireTools, run } from './tools.ts';
import { aborted, narrator, watch, type Say } from './machine/watch.ts';
import { freePort } from './machine/free-port.ts';

const disks = {
  virtio: 'virtio-blk-pci',
  nvme: 'nvme',
  scsi: 'scsi-hd,bus=scsi.0',
} as const;
const diskKinds = ['virtio', 'nvme', 'scsi'] as const;

const provision = command({
  name: 'provision',
  describe:
    'install Debian on a blank virtual machine by PXE, from a local server, until the installed system has reported; builds the images if need be',
  options: {
    uefi: { type: 'boolean', describe: 'UEFI firmware instead of a BIOS' },
    disk: {
      type: 'string',
      default: 'virtio',
      choices: diskKinds,
      describe: 'how its disk is connected',
    },
    memory: {
      type: 'number',
      default: 768,
      range: [256, 9_999_999],
      value: 'MIB',
      describe: 'RAM',
    },
    timeout: {
      type: 'number',
      default: 3600,
      range: [1, 86_400],
      value: 'SECONDS',
      describe: 'how long to wait for the report',
    },
    console: { type: 'boolean', describe: 'show what the machine prints' },
    keep: { type: 'boolean', describe: 'keep machine and server running until Ctrl-C' },
  },
  async run(options, io) {
    await demonstrate(options, io.signal);
    return 0;
  },
});

interface Demonstration {
  readonly uefi: boolean;
  readonly disk: (typeof diskKinds)[number];
  readonly memory: number;
  /** Units: seconds. */
  readonly timeout: number;
  readonly console: boolean;
  readonly keep: boolean;
}

async function demonstrate(wanted: Demonstration, signal: AbortSignal): Promise<void> {
  const { say, quietForMs } = narrator();
  requirePrograms(wanted);
  const images = ensureDebianImage(say);
  const bootDir = await ensureImage();
  const kernel = join(bootDir, architectures.x64.boot, 'kernel');
  const accelerator = await chooseAccelerator(kernel);
  say(
    accelerator.name === 'kvm'
      ? 'processor: KVM'
      : `processor: emulated, so all takes some minutes (${accelerator.why})`,
  );
  const folder = mkdtempSync(join(tmpdir(), 'dragonfly-provision-'));
  await using server = await startServer(images, bootDir, say);
  say(`server on http://127.0.0.1:${server.port}/ (the page for operators)`);
  const disk = join(folder, 'disk');
  run('truncate', ['--size', '8G', disk]);
  say(
    `power on: ${wanted.uefi ? 'UEFI' : 'BIOS'}, ${wanted.memory} MiB, a blank ${wanted.disk} disk`,
  );
  const vm = new Vm({
    accelerator,
    memoryMiB: wanted.memory,
    uefi: wanted.uefi,
    args: [
      ...fromNetwork(folder, seenByGuest(server.port), 'virtio-net-pci'),
      ...['-drive', `if=none,id=disk,file=${disk},format=raw,discard=unmap`],
      ...(wanted.disk === 'scsi' ? ['-device', 'virtio-scsi-pci,id=scsi'] : []),
      ...['-device', `${disks[wanted.disk]},drive=disk,serial=DEMO-1,bootindex=1`],
    ],
    ...(wanted.console ? { onConsole: (text: string) => process.stdout.write(text) } : {}),
  });
  try {
    const work = install(server, say, signal);
    const tell = wanted.console ? undefined : say;
    await watch(
      {
        vm,
        work,
        until: 'reported from the installed system',
        limit: wanted.timeout,
        signal,
        tell,
      },
      quietForMs,
    );
    if (wanted.keep) {
      say('installed (Ctrl-C ends machine and server)');
      await Promise.race([aborted(signal), vm.ended]).catch(() => {});
    }
  } finally {
    await vm.stop();
    rmSync(folder, { recursive: true });
  }
}

function requirePrograms({ uefi }: Demonstration): void {
  const { qemu } = architectures.x64;
  requireTools({
    [qemu.program]: qemu.package,
    [anyRom]: 'ipxe-qemu',
    ...(uefi ? { [qemu.variables]: qemu.firmwarePackage } : {}),
  });
}

interface Server extends AsyncDisposable {
  readonly client: Client;
  readonly port: number;
  /** The first machine to check in. */
  readonly machine: Promise<string>;
}

async function startServer(images: string, bootDir: string, say: Say): Promise<Server> {
  const store = await openStore('memory:');
  const port = await freePort();
  const { promise: machine, resolve: onCheckin } = Promise.withResolvers<string>();
  const app = await createApp(
    {
      store,
      clock: systemClock,
      boot: { dir: bootDir, append: `console=${architectures.x64.qemu.console}` },
      images: new ImageFolder(images),
      publicUrl: seenByGuest(port),
      liveness: { intervalSeconds: 2 },
    },
    [
      (instance) => {
        instance.addHook('onSend', async (request, reply, payload) => {
          const { url, method } = request;
          if (/^\/(?:boot|images)\//.test(url)) say(`fetched ${url} (${reply.statusCode})`);
          if (url !== '/api/agent/checkin' || reply.statusCode !== 200) return;
          say(`called ${method} ${url}`);
          const answer: unknown = JSON.parse(String(payload));
          onCheckin(String(Object(answer)['machine_id']));
        });
      },
    ],
  );
  await app.listen({ host: '127.0.0.1', port });
  const client = new Client(`http://127.0.0.1:${port}`);
  return {
    client,
    port,
    machine,
    async [Symbol.asyncDispose]() {
      await client.close();
      app.server.closeAllConnections();
      await app.close();
      await store.close();
    },
  };
}

/** QEMU's user network shows this host's loopback to the guest as 10.0.2.2. */
function seenByGuest(port: number): string {
  return `http://10.0.2.2:${port}`;
}

/** From the first check-in to the report of the installed system. */
async function install({ client, machine }: Server, say: Say, signal: AbortSignal): Promise<void> {
  const id = await machine;
  // The package's own, which the server checks as any other.
  const template: Template = parse(readExample('debian-raw').text);
  const { name } = template.metadata;
  await client.templates.put(template);
  const request = { machine_id: id, template: name };
  const { plan_digest, ...plan } = await client.workflows.plan(request);
  say(`the plan for ${planText('the machine', plan).trimEnd()}`);
  const { metadata } = await client.workflows.create({ ...request, plan_digest });
  say('queued');
  await follow(() => client.workflows.get(metadata.name), say, signal);
}

/** Tells of a workflow until the installed system has reported. Errors: throws when it ends otherwise. */
async function follow(get: () => Promise<Workflow>, say: Say, signal: AbortSignal): Promise<void> {
  let told = '';
  for (;;) {
    const { status } = await get();
    const step = stepOf(status);
    if (step !== undefined && step !== told) say(step);
    told = step ?? told;
    switch (status?.state ?? 'STATE_PENDING') {
      case 'STATE_PENDING':
      case 'STATE_RUNNING':
        await systemClock.sleep(500, signal);
        break;
      case 'STATE_SUCCESS':
        if (status?.confirmed === true) return;
        throw new Error('the workflow ended without the report of the installed system');
      case 'STATE_FAILED':
      case 'STATE_TIMEOUT':
        throw new Error(`the workflow failed: ${status?.error ?? 'nobody says why'}`);
    }
  }
}

/** In words; of the percents only every tenth. Undefined between two actions. */
function stepOf(status: Workflow['status']): string | undefined {
  const state = status?.state ?? 'STATE_PENDING';
  if (state === 'STATE_SUCCESS') return 'the installed system has reported';
  if (state === 'STATE_PENDING') return 'waiting for the agent';
  if (status === null || status === undefined || state !== 'STATE_RUNNING') return undefined;
  if (status.left !== undefined) return 'waiting for the installed system';
  const tenth = Math.floor((status.progress ?? 0) / 10) * 10;
  const action = status.currentAction ?? undefined;
  return action && `${String(tenth).padStart(3)} %  ${action}`;
}

await runProgram(provision);
