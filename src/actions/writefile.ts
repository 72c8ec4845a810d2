// writefile: puts one file into the system on the disk.
import { AppError } from '../core/errors.ts';
import type { Tree } from '../sources/writing/tree.ts';
import type { Action, Fields } from './action.ts';
import { withSystem, type Mounted } from './disk/system.ts';

type WriteFile = Fields<'writefile'>;

export const writefile: Action<'writefile'> = {
  check(fields) {
    contentOf(fields);
    modeOf(fields);
    if (/[/\0]$/.test(fields.path) || fields.path.includes('\0')) {
      throw new AppError('action.invalid', `path must name a file, not "${fields.path}"`);
    }
    if (fields.partition !== undefined && fields.target !== undefined) {
      throw new AppError('action.invalid', 'writefile takes partition or target, not both');
    }
  },

  async run(fields, { host, signal, disk, note }) {
    const { device } = await disk();
    const content = contentOf(fields);
    return await withSystem(host, device, fields, { signal }, async (mounted) => {
      const { tree, isFat, info } = mounted;
      const attributes = { mode: modeOf(fields), uid: fields.uid, gid: fields.gid };
      await tree.write(fields.path, content, isFat ? 'none' : attributes);
      for (const warning of await warningsFor(fields, mounted)) note(warning);
      const relabels = await relabel(tree);
      return {
        message: `${fields.path} on ${info.device}, ${content.length} bytes`,
        details: { path: fields.path, device: info.device, bytes: content.length, relabels },
      };
    });
  },
};

/** Errors: AppError `action.invalid`. */
export function contentOf({ content, content_b64: encoded }: WriteFile): Buffer {
  if ((content === undefined) === (encoded === undefined)) {
    throw new AppError('action.invalid', 'writefile takes content or content_b64, one of them');
  }
  if (encoded === undefined) return Buffer.from(content ?? '', 'utf8');
  const text = encoded.replaceAll(/\s/g, '');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64').replaceAll('=', '') === text.replaceAll('=', '')) return bytes;
  throw new AppError('action.invalid', 'content_b64 is not base64');
}

/** Octal, as chmod takes it. Errors: AppError `action.invalid`. */
export function modeOf({ mode }: WriteFile): number | undefined {
  if (mode === undefined) return undefined;
  if (/^(0o)?0*[0-7]{1,4}$/.test(mode)) return Number.parseInt(mode.replace(/^0o/, ''), 8);
  throw new AppError('action.invalid', `mode must be octal digits, such as "0644", not "${mode}"`);
}

/** A system with SELinux gives labels to what has none when it starts next, if it is asked to. */
async function relabel(tree: Tree): Promise<boolean> {
  const config = await tree.text('/etc/selinux/config');
  if (config === undefined || !/^\s*SELINUX\s*=\s*(enforcing|permissive)\b/m.test(config))
    return false;
  if ((await tree.kind('/.autorelabel')) === undefined) {
    await tree.write('/.autorelabel', Buffer.alloc(0));
  }
  return true;
}

async function warningsFor({ path, mode, uid, gid }: WriteFile, { tree, isFat }: Mounted) {
  const warnings: string[] = [];
  if (isFat && (mode ?? uid ?? gid) !== undefined) {
    warnings.push('a FAT file system keeps neither mode nor owner: they were left out');
  }
  if (/^\/*(var\/lib\/cloud\/seed|etc\/cloud)\//.test(path)) {
    const units = ['/usr/bin/cloud-init', '/usr/local/bin/cloud-init', '/usr/libexec/cloud-init'];
    const kinds = await Promise.all(units.map((unit) => tree.kind(unit)));
    if (kinds.every((kind) => kind === undefined)) {
      warnings.push(`${path} is for cloud-init, which is not in this image`);
    } else if ((await tree.kind('/etc/cloud/cloud-init.disabled')) !== undefined) {
      warnings.push(`${path} is for cloud-init, which is disabled in this image`);
    }
  }
  return warnings;
}
