"""A binding in the generators' style, written by hand, and the schema that it stands for."""

import pathlib
import tempfile
import unittest

from derive_schema import block, declared_in, folder_of
from typescript import Binding, Unreadable

SOURCE = """
export interface ThingRule {
  /**
  * Docs: {@link https://example.test/docs#port Thing#port}
  */
  readonly port: number;
}
export function thingRuleToHclTerraform(struct?: ThingRule): any {
  const attrs = {
    port: {
      value: cdktf.numberToHclTerraform(struct!.port),
      isBlock: false,
      type: "simple",
      storageClassType: "number",
    },
  };
}
export class ThingRuleOutputReference extends cdktf.ComplexObject {
  // port - computed: false, optional: false, required: true
  private _port?: number;
}
export class ThingInfoOutputReference extends cdktf.ComplexObject {
  // data - computed: true, optional: false, required: false
  public get data() {
    return this.getStringAttribute('data');
  }
}
export class Thing extends cdktf.TerraformResource {
  // arn - computed: true, optional: false, required: false
  public get arn() {
    return this.getStringAttribute('arn');
  }
  // ids - computed: false, optional: false, required: true
  private _ids?: string[];
  // info - computed: true, optional: false, required: false
  private _info = new ThingInfoList(this, "info", false);
  // rule - computed: false, optional: false, required: true
  private _rule = new ThingRuleOutputReference(this, "rule");
  // route - computed: true, optional: true, required: false
  private _route = new ThingRuleList(this, "route", true);
  // zones - computed: true, optional: false, required: false
  public get zones() {
    return cdktf.Fn.tolist(this.getListAttribute('zones'));
  }
  protected synthesizeHclAttributes(): { [name: string]: any } {
    const attrs = {
      ids: {
        value: cdktf.listMapperHcl(cdktf.stringToHclTerraform, false)(this._ids),
        isBlock: false,
        type: "set",
        storageClassType: "stringList",
      },
      rule: {
        value: thingRuleToHclTerraform(this._rule.internalValue),
        isBlock: true,
        type: "list",
        storageClassType: "ThingRuleList",
      },
      route: {
        value: cdktf.listMapperHcl(thingRuleToHclTerraform, false)(this._route.internalValue),
        isBlock: true,
        type: "set",
        storageClassType: "ThingRuleList",
      },
    };
  }
}
"""


class Derivation(unittest.TestCase):
    def test_a_binding_becomes_its_schema(self):
        binding = Binding(SOURCE)
        expected = {
            "attributes": {
                "arn": {"type": "string", "computed": True},
                "ids": {"type": ["set", "string"], "required": True},
                "info": {"type": ["list", ["object", {"data": "string"}]], "computed": True},
                "route": {"type": ["set", ["object", {"port": "number"}]], "computed": True, "optional": True},
                "zones": {"type": ["set", "string"], "computed": True},
            },
            "block_types": {
                "rule": {
                    "nesting_mode": "list",
                    "max_items": 1,
                    "min_items": 1,
                    "block": {"attributes": {"port": {"type": "number", "required": True}}},
                }
            },
        }
        self.assertEqual(block(binding, binding.root), expected)

    def test_an_unknown_getter_is_refused_by_name(self):
        binding = Binding(SOURCE.replace("getStringAttribute('arn')", "surprise('arn')"))
        with self.assertRaisesRegex(Unreadable, "arn"):
            block(binding, binding.root)

    def test_addresses_name_folders(self):
        self.assertEqual(folder_of("aws_eks_cluster"), "eks-cluster")
        self.assertEqual(folder_of("data.aws_partition"), "data-aws-partition")

    def test_types_are_found_in_terraform_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "main.tf")
            path.write_text('resource "aws_vpc" "a" {}\ndata "aws_partition" "b" {}\nresource "null_x" "c" {}\n')
            self.assertEqual(declared_in(pathlib.Path(folder)), {"aws_vpc", "data.aws_partition"})


if __name__ == "__main__":
    unittest.main()
