// The operators' program as data: its commands, grouped by what they act on, a file for each group.
import type { Command, Program } from '../command.ts';
import { version } from '../version.ts';
import { auditCommands } from './administration/audit.ts';
import { inventoryCommands } from './machines/ansible.ts';
import { conflictCommands } from './conflicts.ts';
import { damagedCommands } from './administration/damaged.ts';
import { contextCommands } from './connection/context.ts';
import { eventCommands } from './events.ts';
import { imageCommands } from './images.ts';
import { changeCommands } from './machines/change.ts';
import { lookCommands } from './machines/look.ts';
import { provisionCommands } from './machines/provision.ts';
import { settingCommands } from './administration/settings.ts';
import { templateCommands } from './templates.ts';
import { sessionCommands } from './administration/sessions.ts';
import { tokenCommands } from './administration/tokens.ts';
import { tagCommands } from './tags.ts';
import { backupCommands } from './administration/backup.ts';
import { namesFor } from './names.ts';
import { webhookCommands } from './administration/webhooks.ts';
import { workflowCommands } from './workflows.ts';

export const operatorCommands: readonly Command[] = [
  ...lookCommands,
  ...changeCommands,
  ...provisionCommands,
  ...tagCommands,
  ...workflowCommands,
  ...templateCommands,
  ...conflictCommands,
  ...backupCommands,
  ...damagedCommands,
  ...settingCommands,
  ...tokenCommands,
  ...sessionCommands,
  ...auditCommands,
  ...imageCommands,
  ...webhookCommands,
  ...eventCommands,
  ...inventoryCommands,
  ...contextCommands,
];

export const operatorProgram: Program = {
  name: 'dragonfly',
  describe: 'looks at machines and changes them from a shell, as the page does in a browser',
  version,
  commands: operatorCommands,
  environment: {
    DRAGONFLY_SERVER: 'the server, as --server',
    DRAGONFLY_TOKEN: 'the token; --token-file names a file that holds it',
    DRAGONFLY_CONTEXT: 'the context, as --context',
    DRAGONFLY_CONTEXTS: 'the file of contexts (default: ~/.config/dragonfly/config.yaml)',
    'https_proxy, http_proxy, no_proxy': 'the proxy on the way to the server',
  },
  namesFor,
};
