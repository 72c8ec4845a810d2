// image2disk: writes a disk image to the planned disk, so that at any moment before the end, power cut
// included, the disk does not boot.
import { isAppError } from '../core/errors.ts';
import { checks } from '../model/actions/checks.ts';
import type { Disk } from '../model/hardware/disk.ts';
import type { BlockFile } from '../sources/writing/block-file.ts';
import type { Action, ActionContext, ActionReport, Fields } from './action.ts';
import { openWhenFree, reloadPartitions } from './disk/nodes.ts';
import { leaveUnbootable, tearDown } from './disk/teardown.ts';
import { Digests } from './image/digests.ts';
import { blockBytes, DiskWriter, type Left } from './image/disk-writer.ts';
import { writeEnds } from './image/finish.ts';
import { withBuffers } from './image/memory.ts';
import { planImage, type ImagePlan } from './image/plan.ts';
import { ImageProgress, mebibytes } from './image/progress.ts';
import { readBack, type Verify } from './image/read-back.ts';
import { goOn, Marks } from './image/resume.ts';
import { ImageSource } from './image/fetching/source.ts';
import { Zeroing } from './image/zeroing.ts';

/** The number of times that an image which changed while it was fetched is fetched again. */
const maxAttempts = 3;

export const image2disk: Action<'image2disk'> = {
  check: checks.image2disk,

  async run(fields, context) {
    const disk = await context.disk(fields);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const given = attempt === 1 ? context : { ...context, bookmark: undefined };
        return await withBuffers(() => install(fields, disk, given));
      } catch (err) {
        if (!isAppError(err, 'image.changed') || attempt === maxAttempts) throw err;
        context.note(`${err.message}; starting over`);
      }
    }
  },
};

async function install(
  fields: Fields<'image2disk'>,
  disk: Disk,
  context: ActionContext,
): Promise<ActionReport> {
  const { host, signal } = context;
  const startMs = host.clock.elapsedMs();
  const source = await ImageSource.of(fields, context);
  const geometry = await host.openDisk(disk.device, 'read');
  await geometry.close();
  const plan = await planImage(source, geometry);
  await tearDown(host, disk.device, { signal });
  const file = await openWhenFree(host, disk.device, { signal });
  try {
    const { hasTable, ...written } = await write(plan, file, fields.verify, context);
    await file.close();
    if (hasTable) await reloadPartitions(host, disk.device, { signal });
    const seconds = Math.round((host.clock.elapsedMs() - startMs) / 1_000);
    return {
      message: `${mebibytes(written.bytes)} on ${disk.device} in ${seconds} s, ${written.hash}${source.isVerified ? ', as its checksum says' : ', without a checksum to compare with'}${hasTable ? '' : '; it begins with no partition table, so that firmware may not boot it'}`,
      details: {
        ...written,
        seconds,
        etag: plan.opened.transfer.etag ?? null,
        disk_serial: disk.serial,
        has_checksum: source.isVerified,
        has_table: hasTable,
      },
    };
  } catch (err) {
    await leaveUnbootable(host, disk.device, file, err);
    throw err;
  } finally {
    await plan.opened.stream.close();
    await file.close();
  }
}

/** Everything but the ends, then, when it is known to be right, the ends. */
async function write(
  plan: ImagePlan,
  file: BlockFile,
  verify: Verify | undefined,
  context: ActionContext,
) {
  const { host, signal } = context;
  const { transfer } = plan.opened;
  const progress = new ImageProgress(host.clock, context.progress);
  const digests = new Digests(plan.unitBytes);
  const left = goOn(context.bookmark, plan, file);
  if (left !== undefined) context.note(`going on after a restart of the agent, ${resumed(left)}`);
  const marks = new Marks(context, digests, transfer);
  const zeroing = zeroingFrom(left?.comparedTo ?? 0, file, context);
  const writer = new DiskWriter({
    file,
    zeroing,
    digests,
    sizeBytes: plan.sizeBytes,
    left,
    onBlock: async () => {
      signal.throwIfAborted();
      progress.transferred(transfer.offset, transfer.sizeBytes, writer.writtenBytes);
      await marks.mark(writer);
    },
  });
  const startMs = host.clock.elapsedMs();
  try {
    await plan.copy(writer, zeroing);
    const hash = await plan.opened.finish();
    const held = await writer.finish();
    const verified = await readBack(verify ?? { fullWithinMs: host.clock.elapsedMs() - startMs }, {
      file,
      digests,
      fromBytes: blockBytes,
      // Where the image ends in a hole nothing of its end was held back.
      toBytes: held.find(({ offset }) => offset > 0)?.offset ?? wholeBlocks(writer.endBytes),
      clock: host.clock,
      signal,
      onProgress: (done, total) => progress.compared(done, total),
    });
    signal.throwIfAborted();
    const { hasTable, isGptMoved } = await writeEnds(file, held);
    return {
      bytes: writer.endBytes,
      fetched_bytes: transfer.fetchedBytes,
      written_bytes: held.reduce((sum, { bytes }) => sum + bytes.length, writer.writtenBytes),
      hash,
      read_back: verified,
      gpt_moved: isGptMoved,
      ...(left === undefined || left.sameTo === 0 ? {} : { resumed_at: left.sameTo }),
      hasTable,
    };
  } finally {
    await writer.stop();
  }
}

function zeroingFrom(
  startBytes: number,
  { path, sizeBytes }: BlockFile,
  { host, signal }: ActionContext,
): Zeroing {
  const zero = async (offset: number, length: number): Promise<void> => {
    const range = ['--offset', String(offset), '--length', String(length)];
    const fallocate = ['flock', '--no-fork', path, 'fallocate', '--punch-hole', ...range, path];
    // It must not go on after this process, as the next one writes where it zeroes. A kernel before 6.9 ends it only when
    // it is done: whoever takes the disk down waits for its lock.
    await host.run('setpriv', ['--pdeathsig', 'KILL', '--', ...fallocate], { signal });
  };
  return new Zeroing(zero, { startBytes, endBytes: sizeBytes }, host.clock);
}

function resumed({ sameTo, comparedTo }: Left): string {
  return sameTo > 0
    ? `at ${mebibytes(sameTo)}: what comes before is read from the disk`
    : `from the start: the first ${mebibytes(comparedTo)} are compared with the disk`;
}

function wholeBlocks(bytes: number): number {
  return Math.floor(bytes / blockBytes) * blockBytes;
}
