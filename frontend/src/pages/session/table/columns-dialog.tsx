import type { ColumnInfo } from "../../../api/types";
import { heading } from "../../../lib/columns";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { CheckField } from "../../../ui/field";
import { columnsText, DEFAULT_COLUMNS } from "./table-columns";

/** Which columns are shown. */
export function ColumnsDialog(props: {
  all: readonly ColumnInfo[];
  chosen: readonly string[];
  onChange: (columns: string) => void;
  onClose: () => void;
}) {
  const { all, chosen, onChange } = props;
  const groups = [...new Set(all.map((column) => column.group))];
  const toggle = (name: string, on: boolean) =>
    onChange(columnsText(on ? [...chosen, name] : chosen.filter((other) => other !== name)));
  return (
    <Dialog
      wide
      title="Columns"
      onClose={props.onClose}
      onSubmit={props.onClose}
      foot={
        <>
          <Button onClick={() => onChange(columnsText(all.map((column) => column.name)))}>All</Button>
          <Button onClick={() => onChange(columnsText(DEFAULT_COLUMNS))}>The usual ones</Button>
          <Button look="primary" type="submit">
            Done
          </Button>
        </>
      }
    >
      <div className="column-groups">
        {groups.map((group) => (
          <fieldset key={group}>
            <legend>{group}</legend>
            {all
              .filter((column) => column.group === group)
              .map((column) => (
                <CheckField
                  key={column.name}
                  label={heading(column)}
                  checked={chosen.includes(column.name)}
                  disabled={column.name === "name"}
                  onChange={(on) => toggle(column.name, on)}
                />
              ))}
          </fieldset>
        ))}
      </div>
    </Dialog>
  );
}
