import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import type { DataRoot } from "../../store/data-root.ts";

/** The owner has said no to this moot: it is here, and nothing is done in it. */
export class DeclinedMoot extends EntmootError {
  constructor(id: GroupId) {
    super(
      "group_not_found",
      `group ${GroupId.toBase64(id)}: declined here, so this node takes no part in it; "entmootd default-moot join" takes it up again`,
    );
  }
}

/** Throws `DeclinedMoot` for the moot that the owner declined. */
export function refuseDeclined({ defaultMoot }: Pick<DataRoot, "defaultMoot">, id: GroupId): void {
  const { consent, group_id } = defaultMoot.read();
  if (consent === "declined" && group_id === id) throw new DeclinedMoot(id);
}
