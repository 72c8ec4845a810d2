// writefile: puts one file into the system on the disk.
import { checks } from '../model/actions/checks.ts';
import { contentOf, modeOf } from '../model/actions/file-content.ts';
import type { Tree } from '../sources/writing/tree.ts';
import type { Action, Fields } from './action.ts';
import { withSystem, type Mounted } from './disk/system.ts';

type WriteFile = Fields<'writefile'>;

export const writefile: Action<'writefile'> = {
  check: checks.writefile,

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
