"""In which grid the regions of clouds lie that tell no intensity of their own.

Of AWS by the places in the names that its SDK has for its regions (botocore's endpoints.json), of
Azure by the coordinates that it tells of its own (`az account list-locations`). Where these say no
more than a country, it is the country's grid; a region that neither tells is not in the table.
"""

_AWS = {
    **{"us-east-1": "USA-VA", "us-east-2": "USA-OH", "us-west-1": "USA-CA", "us-west-2": "USA-OR"},
    **{"us-gov-east-1": "USA", "us-gov-west-1": "USA", "ca-central-1": "CAN"},
    **{"ca-west-1": "CAN-AB", "mx-central-1": "MEX", "sa-east-1": "BRA", "eu-west-1": "IRL"},
    **{"eu-west-2": "GBR", "eu-west-3": "FRA", "eu-central-1": "DEU", "eu-central-2": "CHE"},
    **{"eu-north-1": "SWE-SE3", "eu-south-1": "ITA", "eu-south-2": "ESP", "af-south-1": "ZAF"},
    **{"me-south-1": "BHR", "me-central-1": "ARE", "il-central-1": "ISR", "ap-south-1": "IND"},
    **{"ap-south-2": "IND", "ap-southeast-1": "SGP", "ap-southeast-2": "AUS"},
    **{"ap-southeast-3": "IDN", "ap-southeast-4": "AUS", "ap-southeast-5": "MYS"},
    **{"ap-southeast-6": "NZL", "ap-southeast-7": "THA", "ap-northeast-1": "JPN"},
    **{"ap-northeast-2": "KOR", "ap-northeast-3": "JPN", "ap-east-1": "HKG", "ap-east-2": "TWN"},
    **{"cn-north-1": "CHN-BJ", "cn-northwest-1": "CHN-NX"},
}
_AZURE = {
    **{"eastus": "USA-VA", "eastus2": "USA-VA", "centralus": "USA-IA", "northcentralus": "USA-IL"},
    **{"southcentralus": "USA-TX", "westcentralus": "USA-WY", "westus": "USA-CA"},
    **{"westus2": "USA-WA", "westus3": "USA-AZ", "canadacentral": "CAN-ON", "canadaeast": "CAN-QC"},
    **{"mexicocentral": "MEX", "brazilsouth": "BRA", "brazilsoutheast": "BRA"},
    **{"northeurope": "IRL", "westeurope": "NLD", "uksouth": "GBR", "ukwest": "GBR"},
    **{"francecentral": "FRA", "francesouth": "FRA", "germanywestcentral": "DEU"},
    **{"germanynorth": "DEU", "switzerlandnorth": "CHE", "switzerlandwest": "CHE"},
    **{"norwayeast": "NOR", "norwaywest": "NOR", "swedencentral": "SWE-SE3"},
    **{"polandcentral": "POL", "italynorth": "ITA", "spaincentral": "ESP"},
    **{"southafricanorth": "ZAF", "southafricawest": "ZAF", "uaenorth": "ARE"},
    **{"uaecentral": "ARE", "qatarcentral": "QAT", "israelcentral": "ISR"},
    **{"centralindia": "IND", "southindia": "IND", "westindia": "IND", "jioindiawest": "IND"},
    **{"jioindiacentral": "IND", "southeastasia": "SGP", "eastasia": "HKG", "japaneast": "JPN"},
    **{"japanwest": "JPN", "koreacentral": "KOR", "koreasouth": "KOR", "australiaeast": "AUS"},
    **{"australiasoutheast": "AUS", "australiacentral": "AUS", "australiacentral2": "AUS"},
}
CLOUDS = {f"aws:{name}": place for name, place in _AWS.items()} | {
    f"azure:{name}": place for name, place in _AZURE.items()
}
"""Region of AWS or Azure -> region of `regions.regions`."""
