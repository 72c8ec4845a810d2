// The button that deletes a template, and what it asks first: who uses it.
import { useState } from 'preact/hooks';
import { deleteTemplate } from './requests.ts';
import { useFleet, useServices } from '../context.ts';
import { DangerDialog } from '../parts/dialogs/danger-dialog.tsx';
import { plural } from '../parts/format.ts';
import { navigate } from '../router.tsx';

interface Props {
  readonly name: string;
  /** The version that is shown. */
  readonly etag: string | undefined;
}

export function DeleteButton(props: Props) {
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <button type="button" class="danger" onClick={() => setAsking(true)}>
        Delete…
      </button>
      {isAsking && <DeleteDialog {...props} onClose={() => setAsking(false)} />}
    </>
  );
}

function DeleteDialog({ name, etag, onClose }: Props & { readonly onClose: () => void }) {
  const { session } = useServices();
  const { all } = useFleet();
  const [isAccepted, setAccepted] = useState(false);
  const users = all.filter(({ template }) => template === name);
  const names = users.slice(0, 8).map((row) => row.name);
  const more =
    users.length > names.length ? ` and ${String(users.length - names.length)} more` : '';
  const remove = async (): Promise<void> => {
    await deleteTemplate(session, name, etag, isAccepted);
    navigate('/templates');
  };
  return (
    <DangerDialog
      title={`Delete the template ${name}?`}
      action="Delete"
      disabled={users.length > 0 && !isAccepted}
      work={remove}
      onClose={onClose}
    >
      {users.length === 0 ? (
        <p>No machine is assigned it. This cannot be undone.</p>
      ) : (
        <>
          <p class="problem">
            {plural(users.length, 'machine')} {users.length === 1 ? 'has' : 'have'} it:{' '}
            {names.join(', ')}
            {more}. They keep its name, and cannot be provisioned before there is a template of that
            name again, or they are given another one. This cannot be undone.
          </p>
          <label class="check">
            <input
              type="checkbox"
              name="accepted"
              checked={isAccepted}
              onChange={({ currentTarget: { checked } }) => setAccepted(checked)}
            />
            Delete it although it is used
          </label>
        </>
      )}
      <p class="quiet">Workflows made from it go on.</p>
    </DangerDialog>
  );
}
