// An order with the digest of the plan that was shown: it starts that plan, or nothing.
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../../src/store/open.ts';
import { ImageFolder } from '../../../../src/store/images/folder.ts';
import {
  checkin,
  imageTemplate,
  startServer,
  temporaryDirectory,
  wrapStore,
  type TestServer,
} from '../../harness.ts';

/** Stays in the machine, which is known by it. */
const large = { name: 'sdb', size_bytes: 9e11, model: 'HDD', serial: 'S2', contents: [] };
const disk = { name: 'sda', size_bytes: 5e11, model: 'SSD', serial: 'S1', contents: [] };

interface Desk {
  readonly server: TestServer;
  readonly id: string;
  /** Where the image of the template is. */
  readonly image: string;
  readonly checkIn: (more: object) => Promise<void>;
  readonly order: (more: object) => ReturnType<TestServer['call']>;
  readonly digest: () => Promise<string>;
}

async function desk(): Promise<Desk> {
  const folder = temporaryDirectory();
  const image = join(folder, 'debian.raw');
  writeFileSync(image, 'one');
  const server = await startServer({ images: new ImageFolder(folder) });
  return deskOf(server, image);
}

async function deskOf(server: TestServer, image: string): Promise<Desk> {
  await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
  const tell = (more: object) =>
    server.call('POST', '/api/agent/checkin', {
      body: checkin(1, { boot_id: 'a', disks: [disk, large], existing_os: null, ...more }),
    });
  const id: string = (await tell({})).body.machine_id;
  const order = (more: object) =>
    server.call('POST', '/api/workflows', {
      body: { machine_id: id, template: 'debian', reimage: true, ...more },
    });
  return {
    server,
    id,
    image,
    order,
    checkIn: async (more) => void (await tell(more)),
    digest: async () => (await order({ dry_run: true })).body.plan_digest,
  };
}

async function expectNothingQueued({ server, id }: Desk): Promise<void> {
  expect((await server.store.workflows.list()).items).toEqual([]);
  const { body } = await server.call('GET', `/api/machines/${id}`);
  expect(body.status.current_workflow).toBeNull();
}

describe('an order with the digest of the plan that was shown', () => {
  it('is carried out while the plan is the same, whatever else became of the machine', async () => {
    const { server, id, order, digest, checkIn } = await desk();
    const plan_digest = await digest();
    const spare = { ...large, name: 'sdc', serial: 'S3' };
    await checkIn({ disks: [disk, large, spare], cpu_threads: 8 });
    await server.call('PATCH', `/api/machines/${id}`, { body: { tags: ['rack-1'] } });
    expect(await digest()).toBe(plan_digest);
    const { status, body } = await order({ plan_digest });
    expect([status, body.spec?.plan.disk.serial]).toEqual([201, 'S1']);
  });

  it.each<[string, string, (desk: Desk) => unknown, object?]>([
    [
      'another disk',
      'the disk (now /dev/sda SSD S9)',
      ({ checkIn }) => checkIn({ disks: [{ ...disk, serial: 'S9' }, large] }),
    ],
    [
      'a disk of another size',
      'the disk (now /dev/sda SSD S1)',
      ({ checkIn }) => checkIn({ disks: [{ ...disk, size_bytes: 6e11 }, large] }),
    ],
    [
      'new data on it',
      'shown: what is on the disk;',
      ({ checkIn }) =>
        checkIn({ disks: [{ ...disk, contents: [{ device: '/dev/sda1', type: 'xfs' }] }, large] }),
    ],
    [
      'another template of that name',
      'the template, its actions as filled in',
      ({ server }) => {
        const [first, , last] = imageTemplate.spec.actions;
        const body = { ...imageTemplate, spec: { actions: [first, last] } };
        return server.call('PUT', '/api/templates/debian', { body });
      },
    ],
    [
      'another value of a variable',
      'shown: its actions as filled in;',
      async ({ server, id }) => {
        const found = await server.store.machines.get(id);
        if (found === undefined) throw new Error('the machine is gone');
        const config = { ...found.value.config, memorable_name: 'OtherName' };
        await server.store.machines.put({ ...found.value, config });
      },
    ],
    ['another image', 'shown: an image;', ({ image }) => writeFileSync(image, 'other')],
    ['no image', 'shown: an image;', ({ image }) => rmSync(image)],
    [
      'an agent that does not compare',
      'the agent',
      async ({ server, id }) => {
        const found = await server.store.machines.get(id);
        if (found?.value.report === undefined) throw new Error('the machine is gone');
        const { report, hardware } = found.value;
        // With another disk it would be refused for that.
        const disks = hardware.disks.slice(0, 1);
        await server.store.machines.put({
          ...found.value,
          hardware: { ...hardware, disks },
          report: { ...report, boot_id: null },
        });
      },
    ],
    ['another consent', 'shown: what is accepted;', () => {}, { retry: true }],
  ])('is refused for %s, which is named', async (_what, named, change, more = {}) => {
    const at = await desk();
    const plan_digest = await at.digest();
    await change(at);
    const { status, body } = await at.order({ plan_digest, ...more });
    expect([status, body.code]).toEqual([409, 'plan.changed']);
    expect(body.error).toContain(named);
    await expectNothingQueued(at);
  });

  it('is refused for another machine, and for a digest of another version', async () => {
    const at = await desk();
    const plan_digest = await at.digest();
    const other = await at.server.call('POST', '/api/agent/checkin', {
      body: checkin(2, { boot_id: 'b', disks: [{ ...disk, serial: 'S4' }], existing_os: null }),
    });
    const refused = await at.order({ machine_id: other.body.machine_id, plan_digest });
    expect([refused.status, refused.body.code]).toEqual([409, 'plan.changed']);
    expect(refused.body.error).toContain('the machine, ');
    const older = await at.order({ plan_digest: `0${plan_digest.slice(1)}` });
    expect(older.body.error).toContain('by another version of the server');
    expect((await at.order({ plan_digest: 'no digest' })).status).toBe(422);
    await expectNothingQueued(at);
  });

  it('is refused when the disk changes while the order is carried out', async () => {
    let meanwhile: () => Promise<void> = async () => {};
    const store = wrapStore(await openStore('memory:'), (name, operation) =>
      name === 'workflows.put'
        ? async (...given) => {
            await meanwhile();
            return operation(...given);
          }
        : operation,
    );
    const at = await deskOf(await startServer({ store }), '');
    const plan_digest = await at.digest();
    meanwhile = () => at.checkIn({ disks: [{ ...disk, serial: 'S9' }, large] });
    const { status, body } = await at.order({ plan_digest });
    expect([status, body.code]).toEqual([409, 'plan.changed']);
    await expectNothingQueued(at);
  });

  it('knows an image by its checksum where its file is another one, as at another server', async () => {
    const at = await desk();
    const sums = () => at.server.call('GET', '/images/SHA256SUMS');
    const early = await at.digest();
    await sums();
    // As long as nobody had computed it, the file itself was all that was known.
    expect((await at.order({ dry_run: true, plan_digest: early })).status).toBe(200);
    const plan_digest = await at.digest();
    rmSync(at.image);
    writeFileSync(at.image, 'one');
    await sums();
    expect((await at.order({ plan_digest })).status).toBe(201);
  });

  it('says in the plan that the server has not the image', async () => {
    const { image, order } = await desk();
    const warnings = async () => (await order({ dry_run: true })).body.warnings.join('; ');
    expect(await warnings()).not.toContain('no image');
    rmSync(image);
    expect(await warnings()).toContain('this server has no image debian.raw');
  });

  it('says in the plan what is seen at the beginning of the image', async () => {
    const { image, order } = await desk();
    const said = async () => (await order({ dry_run: true })).body.warnings.join('; ');
    const warnings = async (content: Buffer) => {
      writeFileSync(image, content);
      return await said();
    };
    const blank = Buffer.alloc(1024 * 1024);
    const gpt = Buffer.from(blank);
    gpt.write('EFI PART', 512);
    const vmdk = Buffer.concat([Buffer.from('KDMV'), blank]);
    const noTable = 'debian.raw of this server begins with no partition table';
    expect(await warnings(vmdk)).toContain('debian.raw of this server is a VMDK image');
    expect(await warnings(gzipSync(vmdk))).toContain('is a VMDK image');
    expect(await warnings(Buffer.alloc(0))).toContain('is an empty file');
    for (const pack of [(raw: Buffer) => raw, gzipSync, zstdCompressSync]) {
      expect(await warnings(pack(blank))).toContain(noTable);
      expect(await warnings(pack(gpt))).not.toContain('debian.raw of this server');
    }
    // Damaged, or of a kind that tells nothing by its beginning alone.
    for (const other of [gzipSync(gpt).subarray(0, 20), Buffer.from('QFI\xfb', 'latin1')]) {
      expect(await warnings(other)).not.toContain('debian.raw of this server');
    }
    writeFileSync(image, gpt);
    truncateSync(image, disk.size_bytes + 512);
    expect(await said()).toContain('debian.raw of this server has 500000000512 bytes');
  });
});

it('without a digest, as clients of version 0.1.0 send it, an order is carried out', async () => {
  const { order } = await desk();
  expect((await order({})).status).toBe(201);
});
