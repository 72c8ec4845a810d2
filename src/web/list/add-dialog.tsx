// The dialog that enters a machine before it boots.
import { useState } from 'preact/hooks';
import { createMachine } from '../machine/requests.ts';
import { useServices } from '../context.ts';
import { TemplateSelect } from '../machine/template-select.tsx';
import { FormDialog, type FormDialogProps } from '../parts/dialogs/form-dialog.tsx';
import { tagsOf } from '../../model/text/tags-text.ts';

export function AddMachine({ onClose, onDone }: FormDialogProps) {
  const { session } = useServices();
  const [mac, setMac] = useState('');
  const [name, setName] = useState('');
  const [tags, setTags] = useState('');
  const [template, setTemplate] = useState('');
  const submit = async (): Promise<[string]> => {
    const { config } = await createMachine(session, {
      mac: mac.trim(),
      tags: tagsOf(tags),
      ...(name.trim() === '' ? {} : { name: name.trim() }),
      ...(template === '' ? {} : { os_choice: template }),
    });
    return [`${config.hostname ?? config.memorable_name} added.`];
  };
  return (
    <FormDialog
      title="Add a machine"
      action="Add"
      submit={submit}
      onClose={onClose}
      onDone={onDone}
    >
      <label>
        MAC address
        <input
          name="mac"
          autoFocus
          autoComplete="off"
          required
          placeholder="3c:ec:ef:07:14:50"
          value={mac}
          onInput={(event) => setMac(event.currentTarget.value)}
        />
      </label>
      <label>
        Host name
        <input
          name="name"
          autoComplete="off"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label>
        Tags
        <input
          name="tags"
          autoComplete="off"
          placeholder="rack-4, gpu"
          value={tags}
          onInput={(event) => setTags(event.currentTarget.value)}
        />
      </label>
      <TemplateSelect label="Template" value={template} onChange={setTemplate} />
      <p class="quiet">Its first check-in is matched with this record.</p>
    </FormDialog>
  );
}
