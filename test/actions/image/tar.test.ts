import { describe, expect, it } from 'vitest';
import { ByteStream } from '../../../src/actions/image/packing/byte-stream.ts';
import { imageInTar } from '../../../src/actions/image/packing/tar.ts';
import { tar } from '../images.ts';
import { MiB } from '../workplace.ts';

const image = Buffer.alloc(2 * MiB, 'image');

async function unpack(archive: Buffer): Promise<{ name: string; content: Buffer }> {
  const stream = new ByteStream(
    (async function* parts() {
      for (let at = 0; at < archive.length; at += 100_003) yield archive.subarray(at, at + 100_003);
    })(),
  );
  const { name, sizeBytes, content } = await imageInTar(stream);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  expect(whole.length).toBe(sizeBytes);
  return { name, content: whole };
}

/** A member by hand, as no tar program would write it. */
function member(type: string, size: number, content = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(512);
  head.write('disk.raw');
  head.write(size.toString(8).padStart(11, '0'), 124);
  head.write(type, 156);
  head.write('ustar\0', 257);
  head.fill(' ', 148, 156);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([head, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

const end = Buffer.alloc(1024);

describe('the image in a tar archive', () => {
  it('is found among notes', async () => {
    const notes = tar('README', Buffer.from('read me')).subarray(0, 1024);
    const { name, content } = await unpack(Buffer.concat([notes, tar('disk.raw', image)]));
    expect(name).toBe('disk.raw');
    expect(content.equals(image)).toBe(true);
  });

  it('comes out of archives with long names', async () => {
    for (const format of ['gnu', 'posix']) {
      const long = `${'long'.repeat(40)}.raw`;
      const { content } = await unpack(tar(long, image, `--format=${format}`));
      expect(content.equals(image)).toBe(true);
    }
  });

  it('fails when the archive ends within it, or before its own end', async () => {
    const archive = tar('disk.raw', image);
    for (const length of [512, MiB, 512 + image.length, 512 + image.length + 100]) {
      await expect(unpack(archive.subarray(0, length))).rejects.toMatchObject({
        code: 'image.damaged',
      });
    }
  });

  it.each<[string, string, Buffer]>([
    ['a wrong checksum', 'image.damaged', Buffer.concat([Buffer.alloc(512, 'x'), end])],
    ['a size that is no number', 'image.damaged', Buffer.concat([member('0', NaN), end])],
    ['a header of four gigabytes', 'image.damaged', Buffer.concat([member('x', 2 ** 32), end])],
    ['holes that overlap', 'image.damaged', Buffer.concat([sparse(100, 50), end])],
    ['a part of several volumes', 'image.unsupported', Buffer.concat([member('M', 0), end])],
    ['nothing in it', 'image.unsupported', end],
  ])('is refused with %s', async (_, code, archive) => {
    await expect(unpack(archive)).rejects.toMatchObject({ code });
  });
});

/** A sparse file of GNU tar with two parts that begin at the same place. */
function sparse(offset: number, length: number): Buffer {
  const plain = member('S', 2 * length, Buffer.alloc(2 * length));
  for (const [i, number] of [offset, length, offset, length].entries()) {
    plain.write(number.toString(8).padStart(11, '0'), 386 + i * 12);
  }
  plain.write((2 * MiB).toString(8).padStart(11, '0'), 483);
  plain.fill(' ', 148, 156);
  const sum = plain.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  plain.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return plain;
}
