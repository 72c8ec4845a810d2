// Installs on virtual machines: a server with images, disks that are files, and workflows that are followed to
// their end.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Vm } from '../../initramfs/machine/qemu.ts';
import { Client } from '../../src/client/client.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { TemplateAction } from '../../src/model/documents/template.ts';
import type { Workflow } from '../../src/model/documents/workflow.ts';
import { stateName } from '../../src/model/machine.ts';
import type { WorkflowCreate } from '../../src/model/api/workflows.ts';
import { ImageFolder } from '../../src/store/images/folder.ts';
import { BootServer } from './harness.ts';

export const MiB = 1024 * 1024;

/** The limit for a workflow on an emulated machine on a busy host. */
const workflowMs = 400_000;

/** A folder that is gone when the test ends. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dragonfly-install-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** A disk of a machine that is a file of this host. */
export class DiskFile {
  readonly path: string;
  readonly sizeBytes: number;

  constructor(sizeBytes: number) {
    this.path = join(scratchFolder(), 'disk');
    this.sizeBytes = sizeBytes;
    closeSync(openSync(this.path, 'w'));
    truncateSync(this.path, sizeBytes);
  }

  read(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    const file = openSync(this.path, 'r');
    try {
      readSync(file, bytes, 0, length, offset);
      return bytes;
    } finally {
      closeSync(file);
    }
  }

  /** True if no firmware finds anything to boot: neither end has a partition table. */
  get isUnbootable(): boolean {
    const ends = [0, this.sizeBytes - MiB];
    return ends.every((at) => this.read(at, MiB).every((byte) => byte === 0));
  }
}

/** A server with images that gives workflows to the machines that boot from it. */
export class Installer {
  readonly boots: BootServer;
  readonly client: Client;

  private constructor(boots: BootServer) {
    this.boots = boots;
    this.client = new Client(boots.url);
    onTestFinished(() => this.client.close());
  }

  /** `folder` holds the images, and may get more of them. */
  static async start(folder: string): Promise<Installer> {
    return new Installer(await BootServer.start({ images: new ImageFolder(folder) }));
  }

  /** Queues a workflow of these actions. Errors: AppError of the plan. */
  async queue(
    machineId: string,
    actions: readonly TemplateAction[],
    more: Partial<WorkflowCreate> = {},
  ): Promise<string> {
    const name = 'install';
    await this.client.templates.put({
      apiVersion: 'dragonfly.computer/v1',
      kind: 'Template',
      metadata: { name },
      spec: { timeout: 3600, actions: [...actions] },
    });
    const request = { machine_id: machineId, template: name, ...more };
    return (await this.client.workflows.create(request)).metadata.name;
  }

  /** Resolves to the workflow as soon as it is as wanted, or over. Errors: throws when the machine ends before or
   *  the time is over, with its console's end. */
  async follow(
    id: string,
    vm: Vm,
    isWanted: (workflow: Workflow) => boolean = () => false,
  ): Promise<Workflow> {
    const limit = systemClock.elapsedMs() + workflowMs;
    let hasEnded = false;
    void vm.ended.then(() => (hasEnded = true));
    for (;;) {
      const workflow = await this.client.workflows.get(id);
      const isOver = /SUCCESS|FAILED|TIMEOUT/.test(workflow.status?.state ?? '');
      if (isOver || isWanted(workflow)) return workflow;
      if (hasEnded || systemClock.elapsedMs() > limit) {
        const where = `${hasEnded ? 'the machine ended' : 'it took too long'}; ${JSON.stringify(workflow.status)}`;
        throw new Error(`${where}\n${vm.console.slice(-3000)}`);
      }
      await systemClock.sleep(100, new AbortController().signal);
    }
  }

  /** The end of a workflow, and of its machine. */
  async outcome(id: string, vm: Vm) {
    const { status, spec } = await this.follow(id, vm);
    const machine = await this.boots.machine(spec.hardwareRef);
    return {
      workflow: status?.state,
      error: status?.error ?? null,
      machine: stateName(machine.status.state),
    };
  }
}
