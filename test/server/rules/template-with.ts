// Templates of which the third action is the one that matters.
import { imageTemplate } from '../harness.ts';

export const action = (fields: object) => ({
  ...imageTemplate,
  metadata: { name: 't' },
  spec: { actions: [{ action: 'reboot' }, { action: 'reboot' }, fields] },
});
export const writefile = (fields: object) =>
  action({ action: 'writefile', path: '/a', content: '', ...fields });
