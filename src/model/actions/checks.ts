// The faults of an action's fields that their types do not tell. Pure; the plan and the agent read them alike, so that a
// plan says what the agent would refuse.
import { AppError } from '../../core/errors.ts';
import type { TemplateAction } from '../documents/template.ts';
import { parseChecksum } from '../image/checksum.ts';
import { parseBootOrder } from './boot-order.ts';
import { contentOf, modeOf } from './file-content.ts';
import { parsePackages } from './packages.ts';
import { parseSize } from './size.ts';

type Fields<Tag extends TemplateAction['action']> = Extract<TemplateAction, { action: Tag }>;

/** For the actions that have any. Errors of each: AppError `action.invalid`. */
export const checks = {
  image2disk: ({ url, checksum }: Fields<'image2disk'>): void => {
    if (!/^https?:\/\/./i.test(url) || URL.parse(url) === null) {
      throw invalid('url must be an address that begins with http:// or https://');
    }
    if (hasChecksum(checksum)) parseChecksum(checksum);
  },

  writefile: (fields: Fields<'writefile'>): void => {
    contentOf(fields);
    modeOf(fields);
    if (/[/\0]$/.test(fields.path) || fields.path.includes('\0')) {
      throw invalid(`path must name a file, not "${fields.path}"`);
    }
    if (fields.partition !== undefined && fields.target !== undefined) {
      throw invalid('writefile takes partition or target, not both');
    }
  },

  partition: ({ efi_size: efiSize, swap_size: swapSize }: Fields<'partition'>): void => {
    for (const size of [efiSize, swapSize]) if (size !== undefined) parseSize(size);
  },

  kexec: ({ root_partition: root, kernel, initrd }: Fields<'kexec'>): void => {
    if (root !== undefined && !/^(\d+|(PART)?(UUID|LABEL)=\S+|\/dev\/\S+)$/.test(root)) {
      throw invalid('root_partition is "2", LABEL=…, UUID=… or /dev/…');
    }
    if (initrd !== undefined && kernel === undefined) {
      throw invalid('initrd belongs to a kernel: name both, or none to have those of the system');
    }
  },

  seabios: ({ boot_order: order }: Fields<'seabios'>): void => {
    if (order !== undefined) parseBootOrder(order);
  },

  jetpack: ({ url, binary_url: binaryUrl, checksum }: Fields<'jetpack'>): void => {
    if (/^-|[\s\0]/.test(url)) throw invalid('url must be a URL, without blanks');
    if (binaryUrl !== undefined && !/^https?:\/\/./i.test(binaryUrl)) {
      throw invalid('binary_url must begin with http:// or https://');
    }
    if (hasChecksum(checksum)) parseChecksum(checksum);
  },

  debootstrap: ({ suite, layout, mirror, extra_packages: extra }: Fields<'debootstrap'>): void => {
    if (!/^[a-z][a-z0-9.-]*$/.test(suite)) throw invalid(`there is no suite "${suite}"`);
    if (mirror !== undefined && !/^https?:\/\/[^\s]+$/i.test(mirror)) {
      throw invalid('mirror must begin with http:// or https://');
    }
    if (layout === 'single') throw invalid('the layout single has no place for a boot loader');
    parsePackages(extra);
  },
};

/** Errors: AppError `action.invalid`. */
export function checkAction(action: TemplateAction): void {
  switch (action.action) {
    case 'image2disk':
      checks.image2disk(action);
      break;
    case 'writefile':
      checks.writefile(action);
      break;
    case 'partition':
      checks.partition(action);
      break;
    case 'kexec':
      checks.kexec(action);
      break;
    case 'seabios':
      checks.seabios(action);
      break;
    case 'jetpack':
      checks.jetpack(action);
      break;
    case 'debootstrap':
      checks.debootstrap(action);
      break;
    case 'efibootmgr':
    case 'reboot':
    case 'chroot':
      break;
  }
}

/** An empty one is as good as none: Dragonfly's agent reads none. */
export function hasChecksum(checksum: string | undefined): checksum is string {
  return checksum !== undefined && checksum !== '';
}

function invalid(reason: string): AppError {
  return new AppError('action.invalid', reason);
}
