# penstock_add_plugin(): see below
