// Says in a sentence what each action of a template will do. Pure.
import { shownUrl } from '../../../core/text/shown-url.ts';
import type { StoredDisk } from '../../../model/hardware/disk.ts';
import type { PlannedAction } from '../../../model/documents/plan.ts';
import type { TemplateAction } from '../../../model/documents/template.ts';

/** `disk` is the planned one; `isConfined`: the agent writes files below a folder of its own, and does nothing
 *  else. The action's variables are filled in, secrets masked. */
export function describeAction(
  action: TemplateAction,
  disk: StoredDisk | undefined,
  isConfined: boolean,
): PlannedAction {
  const does = isConfined
    ? confined(action)
    : sentence(action, disk?.device ?? 'a disk that is not known yet');
  return { action: action.action, does };
}

function confined(action: TemplateAction): string {
  return action.action === 'writefile'
    ? `writes ${action.path} below the folder of its agent, and nothing else`
    : 'is refused: its agent writes files below a folder of its own, and does nothing else';
}

function sentence(action: TemplateAction, disk: string): string {
  switch (action.action) {
    case 'image2disk':
      return `writes ${shownUrl(action.url)} to ${disk}, all of which is lost`;
    case 'partition':
      return `partitions ${disk} anew (${action.layout ?? 'gpt-efi'}), all of which is lost`;
    case 'debootstrap':
      return `partitions ${disk} anew, all of which is lost, and installs ${action.suite} on it`;
    case 'writefile':
      return `writes ${action.path} on ${targets[action.target ?? 'none']}${partition(action.partition, disk)}`;
    case 'kexec':
      return `starts the kernel of ${partition(action.partition, disk)} without a reboot`;
    case 'chroot':
      return `works inside the system on ${partition(action.partition, disk)}`;
    case 'jetpack':
      return `runs jetpack with ${shownUrl(action.url)} inside the system on ${disk}`;
    case 'efibootmgr':
      return 'orders the UEFI boot entries';
    case 'seabios':
      return 'orders the boot devices of SeaBIOS';
    case 'reboot':
      return 'reboots the machine';
  }
}

const targets = { none: '', root: 'the root of ', esp: 'the EFI system partition of ' };

function partition(number: number | undefined, disk: string): string {
  return number === undefined ? disk : `partition ${number} of ${disk}`;
}
